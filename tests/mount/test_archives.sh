#!/bin/sh
# SPDX-License-Identifier: MIT
# Archives as people send them: whole and packed in every way, then broken in every way. Each one
# boots with its corrections named, or is refused in one line and quickly.
. "$SRCDIR/tests/mount/lib.sh"

good=$SRCDIR/tests/oracle/captures/6.1.0-50-amd64-T3
case_dir=''

copy() { # copy NAME: a fresh copy of the good state in $case_dir
	case_dir=$work/$1
	mkdir -p "$case_dir"
	cp -r "$good/." "$case_dir/"
	chmod -R u+w "$case_dir"
}

boots() { # boots NAME STATE [PATTERN...]: --check succeeds and says each pattern
	label=$1 state=$2
	shift 2
	if ! timeout 60 "$UMMFS" --check --from "$state" >"$work/report" 2>&1; then
		fail "$label: does not boot: $(tail -n 1 "$work/report")"
		return
	fi
	for pattern; do
		grep -Eq -- "$pattern" "$work/report" || fail "$label: the report has no line '$pattern': $(head -n 1 "$work/report")"
	done
}

refused() { # refused NAME STATE PATTERN [OPTION...]: status 1, one line that says so, within 20 s
	label=$1 state=$2 pattern=$3
	shift 3
	timeout 20 "$UMMFS" --check "$@" --from "$state" >"$work/report" 2>&1
	same "$label: status" 1 $?
	same "$label: lines" 1 "$(wc -l <"$work/report")"
	grep -Eq -- "$pattern" "$work/report" || fail "$label: does not say '$pattern': $(cat "$work/report")"
}

nothing_corrected='corrected: nothing$'

# ---- Packed in every way ----

copy plain
boots "a directory" "$case_dir" '2 nodes, .* 8 CPUs' "$nothing_corrected"
mkdir -p "$work/packed/sosreport-host-1/var/log"
cp -r "$case_dir/." "$work/packed/sosreport-host-1/"
echo noise >"$work/packed/sosreport-host-1/var/log/messages"
boots "the directory of an archive" "$work/packed/sosreport-host-1" "$nothing_corrected"
boots "the directory above it" "$work/packed" "$nothing_corrected"
for how in '' z j J; do
	tar -C "$work/packed" -c${how}f "$work/sos.tar$how" sosreport-host-1
	boots "tar$how" "$work/sos.tar$how" '2 nodes, .* 8 CPUs' "$nothing_corrected"
done
tar -C "$case_dir" -cf "$work/top.tar" .
boots "a tar without a directory" "$work/top.tar" "$nothing_corrected"
boots "standard input" - "$nothing_corrected" <"$work/sos.tarJ"
mkdir "$work/two"
cp -r "$case_dir" "$work/two/a"
cp -r "$case_dir" "$work/two/b"
refused "two machines" "$work/two" 'two machines'
tar -C "$work" -cf "$work/two.tar" two
refused "two machines in a tar" "$work/two.tar" 'two machines'

# ---- A support archive: commands instead of files ----

copy sos
rm -rf "$case_dir/sys/devices/system/node" "$case_dir/proc/sys" "$case_dir/proc/version" "$case_dir/proc/pagetypeinfo"
mkdir -p "$case_dir/sos_commands/kernel" "$case_dir/sos_commands/numa" "$case_dir/sos_commands/processor"
printf 'kernel.osrelease = x\nvm.swappiness = 7\nvm.min_free_kbytes = 11111\nvm.overcommit_ratio = 61\n' >"$case_dir/sos_commands/kernel/sysctl_-a"
echo 'Linux host 6.1.0-50-amd64 #1 SMP x86_64 GNU/Linux' >"$case_dir/sos_commands/kernel/uname_-a"
printf 'NUMA node(s):          2\nNUMA node0 CPU(s):     0,2,4,6\nNUMA node1 CPU(s):     1,3,5,7\n' >"$case_dir/sos_commands/processor/lscpu"
printf 'available: 2 nodes (0-1)\nnode 0 size: 1 MB\nnode distances:\nnode   0   1 \n  0:  10  31 \n  1:  31  10 \n' >"$case_dir/sos_commands/numa/numactl_--hardware"
boots "support archive" "$case_dir" 'knobs are from sos_commands/kernel/sysctl_-a' 'from sos_commands/processor/lscpu' \
	'from sos_commands/numa/numactl_--hardware' 'pagetypeinfo'
start --from "$case_dir" -o backing=sparse
same "CPUs from lscpu" "1,3,5,7" "$(cat "$M/sys/devices/system/node/node1/cpulist")"
same "distances from numactl" "31 10" "$(cat "$M/sys/devices/system/node/node1/distance")"
same "a knob from sysctl" 61 "$(cat "$M/proc/sys/vm/overcommit_ratio")"
stop "$M"

# ---- The eight ----

tar -C "$work/packed" -cf "$work/whole.tar" sosreport-host-1/proc sosreport-host-1/sys
offset=$(python3 - "$work/whole.tar" <<'EOF'
import sys, tarfile
t = tarfile.open(sys.argv[1])
m = {x.name: x for x in t.getmembers()}
z = m['sosreport-host-1/proc/zoneinfo']
later = [x for x in m.values() if x.offset > z.offset and x.isfile() and x.size > 600]
print(z.offset + 700, (later[-1] if later else z).offset_data + 300)
EOF
)
head -c "${offset% *}" "$work/whole.tar" >"$work/cut-early.tar"
head -c "${offset#* }" "$work/whole.tar" >"$work/cut-late.tar"
refused "truncated before zoneinfo" "$work/cut-early.tar" 'ends or is damaged before proc/zoneinfo'
case ${offset#* } in
*) boots_or=$("$UMMFS" --check --from "$work/cut-late.tar" 2>&1)
	case $boots_or in
	*'corrected: the archive ends early'* | *'before proc/zoneinfo'*) ;;
	*) fail "truncated late: $boots_or" ;;
	esac ;;
esac
# zoneinfo first, then a file that is cut: boots
tar -C "$work/packed" -cf "$work/order.tar" sosreport-host-1/proc/zoneinfo sosreport-host-1/proc/meminfo sosreport-host-1/proc/vmstat
head -c $(($(stat -c %s "$work/packed/sosreport-host-1/proc/zoneinfo") + 2200)) "$work/order.tar" >"$work/cut.tar"
boots "truncated" "$work/cut.tar" '^corrected: the archive ends early' 'missing: .*meminfo'
refused "truncated, strict" "$work/cut.tar" 'refused by -o strict: the archive ends early' -o strict
xz -k "$work/whole.tar"
head -c 700 "$work/whole.tar.xz" >"$work/cut.tar.xz"
refused "truncated inside the compression" "$work/cut.tar.xz" 'damaged|neither a tar'

copy contradiction
python3 - "$case_dir" <<'EOF'
import re, sys
for name, keys in ('meminfo', ('MemTotal:', 'MemFree:', 'HugePages_Total:')), ('vmstat', ('nr_free_pages',)):
    path = f'{sys.argv[1]}/proc/{name}'
    text = open(path).read()
    for k in keys:
        text = re.sub(rf'(?m)^({re.escape(k)}\s*)(\d+)', lambda m: m[1] + str(int(m[2]) * 11 // 10), text)
    open(path, 'w').write(text)
EOF
boots "contradictory by 10 %" "$case_dir" 'corrected: .*MemTotal' 'corrected: .*MemFree' 'corrected: .*nr_free_pages'
refused "contradictory, strict" "$case_dir" 'refused by -o strict' -o strict

copy no-nodes
rm -rf "$case_dir/sys"
boots "no node directory" "$case_dir" 'missing: .*no node directories' 'guessed: .*distances' "$nothing_corrected"

copy no-buddyinfo
rm "$case_dir/proc/buddyinfo"
boots "no buddyinfo" "$case_dir" 'missing: proc/buddyinfo'

copy page-size
python3 - "$case_dir/proc/meminfo" <<'EOF'
import re, sys
text = open(sys.argv[1]).read()
open(sys.argv[1], 'w').write(re.sub(r'(?m)^(MemTotal:\s*)(\d+)', lambda m: m[1] + str(int(m[2]) * 16), text))
EOF
refused "64 KiB pages" "$case_dir" 'pages of 64 KiB'

# 3.10: no per-node block, all counters by zone, no boost, all_unreclaimable and inactive_ratio instead
copy old
python3 - "$case_dir/proc/zoneinfo" <<'EOF'
import re, sys
out, node = [], False
for line in open(sys.argv[1]):
    if 'per-node stats' in line:
        node = True
    elif line.startswith('  pages free'):
        node = False
    if node or re.match(r'\s+(boost|cma|nr_zone_\w+|nr_free_cma)\s', line):
        continue
    line = line.replace('node_unreclaimable:', 'all_unreclaimable:')
    out.append(line)
    if line.startswith('  start_pfn:'):
        out.append('  inactive_ratio:    1\n')
    if re.match(r'\s+nr_free_pages', line):
        out += ['    nr_inactive_anon 5\n', '    nr_active_anon 50\n', '    nr_slab_reclaimable 40\n', '    nr_unstable 0\n']
open(sys.argv[1], 'w').writelines(out)
EOF
echo 'Linux version 3.10.0-1160.el7.x86_64 (builder@host) (gcc 4.8.5) #1 SMP' >"$case_dir/proc/version"
rm "$case_dir/proc/pagetypeinfo" "$case_dir/proc/slabinfo" # both 0400; its slabs would not fit the counters above
boots "3.10" "$case_dir" "$nothing_corrected"
start --from "$case_dir" -o backing=sparse
same "3.10: MemTotal of a node is what is present" "$(awk '/^Node 0/ { n = 1 } /^Node 1/ { n = 0 } n && $1 == "present" { kb += $2 * 4 } END { print kb }' "$case_dir/proc/zoneinfo")" \
	"$(sed -n 's/.*MemTotal: *\([0-9]*\) kB/\1/p' "$M/sys/devices/system/node/node0/meminfo")"
stop "$M"

mkdir "$work/nested"
cp "$work/sos.tarJ" "$work/nested/inner.tar.xz"
tar -C "$work/nested" -cf "$work/nested.tar" inner.tar.xz
refused "tar within tar" "$work/nested.tar" 'another archive, inner.tar.xz; unpack that one'

# Endless: what a header announces is enough to refuse, nothing of it is unpacked.
python3 - "$work" "$case_dir/proc/zoneinfo" <<'EOF'
import gzip, lzma, sys, tarfile
work, zoneinfo = sys.argv[1:]
def member(name, size):
    t = tarfile.TarInfo(name)
    t.size = size
    return t.tobuf(tarfile.GNU_FORMAT)
def head():
    data = open(zoneinfo, 'rb').read()
    return member('s/proc/zoneinfo', len(data)) + data.ljust(-(-len(data) // 512) * 512, b'\0')
with lzma.open(f'{work}/bomb.tar.xz', 'wb', preset=0) as f:
    f.write(head() + member('s/var/log/all', 8 << 40))
    for _ in range(64):
        f.write(bytes(1 << 20))
with gzip.open(f'{work}/many.tar.gz', 'wb', 1) as f:
    one = member('s/var/log/x', 0)
    f.write(head())
    for _ in range(1100):
        f.write(one * 1000)
with open(f'{work}/large.tar', 'wb') as f:
    f.write(member('s/proc/zoneinfo', 1 << 40) + bytes(10240))
with open(f'{work}/hole', 'wb') as f:
    f.truncate(1 << 40)
EOF
refused "announces 8 TiB" "$work/bomb.tar.xz" "announces .* GiB of data"
refused "a million files" "$work/many.tar.gz" 'more than 1048576 files'
refused "zoneinfo of 1 TiB" "$work/large.tar" 'larger than any file'
refused "a file of zeros" "$work/hole" "neither a tar file|without files"
refused "a device" /dev/zero 'neither a directory nor a tar'
copy endless
rm "$case_dir/proc/zoneinfo"
truncate -s 1T "$case_dir/proc/zoneinfo"
refused "endless zoneinfo" "$case_dir" 'zoneinfo: File too large'
rm "$case_dir/proc/zoneinfo"
mkfifo "$case_dir/proc/zoneinfo"
refused "zoneinfo is a pipe" "$case_dir" 'not a regular file'
rm "$case_dir/proc/zoneinfo"
ln -s zoneinfo "$case_dir/proc/zoneinfo"
refused "zoneinfo is a circle of links" "$case_dir" 'a state needs at least this file'

# ---- An aged machine: a number without a name, sysctls only, types that contradict ----

copy aged
rm -rf "$case_dir/sys" "$case_dir/proc/sys" "$case_dir/proc/version"
python3 - "$case_dir/proc" <<'EOF'
import re, sys
path = sys.argv[1] + '/zoneinfo'
text = open(path).read()
open(path, 'w').write(text.replace('      nr_mapped ', '                   537792\n      nr_mapped ', 1))
path = sys.argv[1] + '/pagetypeinfo'
text = open(path).read()
text = re.sub(r'(zone\s+Normal, type\s+Movable\s+)(\d+)', lambda m: m[1] + str(int(m[2]) + 400), text)
open(path, 'w').write(text)
EOF
boots "an aged machine" "$case_dir" 'corrected: proc/zoneinfo:[0-9]+: a number without a name' 'pagetypeinfo and buddyinfo disagree'
start --from "$case_dir" -o backing=sparse
check "an aged machine is mounted" grep -q '^MemTotal' "$M/proc/meminfo"
stop "$M"

# ---- Nonsense is refused with file and line ----

bad() { # bad NAME FILE SED PATTERN
	copy bad
	sed -i "$3" "$case_dir/proc/$2"
	refused "$1" "$case_dir" "proc/$2:[0-9]+: .*$4"
}
bad "blocks outside spans" zoneinfo '0,/present /s/present .*/present  999999999/' 'present .* more than spanned'
bad "free above managed" zoneinfo '0,/pages free/s/pages free.*/pages free     99999999/' 'free .* more than managed'
bad "free blocks above managed" buddyinfo '1s/[0-9]* *$/9999999/' 'free pages are more than'
bad "unknown node" buddyinfo '1s/Node 0/Node 7/' 'node 7 has no zone'
bad "unknown zone" buddyinfo '1s/zone  *DMA/zone Nowhere/' 'there is no zone'
bad "overlapping zones" zoneinfo 's/start_pfn: *1048576/start_pfn: 5000/' 'inside another zone'
bad "no number" buddyinfo '1s/[0-9]* *$/many/' 'is not a number'

# ---- A report of the log ----

start -o backing=sparse -c "$SRCDIR/conf/builtin.conf"
report_make() { # report_make FILE: an allocation that fails, and the log with its report
	mkdir "$M/tasks/eater"
	sh -c "echo '4 GFP_KERNEL $(($(meminfo MemFree) / 64))' >'$M/tasks/eater/pages'" 2>/dev/null
	dd if="$M/dev/kmsg" bs=8192 iflag=nonblock 2>/dev/null >"$1"
}
report_make "$work/kmsg"
grep -q 'Mem-Info:' "$work/kmsg" || fail "the log has no Mem-Info block"
stop "$M"
boots "our own report" "$work/kmsg" 'guessed: types are letters' "$nothing_corrected"
sed -n 's/^[0-9,]*-;//p' "$work/kmsg" | sed 's/\\x0a/\n/g' >"$work/plain.log"
boots "the same, pasted" - "$nothing_corrected" <"$work/plain.log"
sed 's/^/Nov 22 00:25:00 host kernel: [   12.345678] /' "$work/plain.log" >"$work/journal.log"
boots "the same, from a journal" "$work/journal.log" "$nothing_corrected"
start --from "$work/journal.log" -o backing=sparse
lists() { sed 's/\\x0a/\n/g' "$1" | sed -nE 's/.*Node ([0-9]+) ([A-Za-z0-9]+): ([0-9]+\*4kB.*) = .*/\1 \2 \3/p' | sed -E 's/\*[0-9]+kB( \([A-Z]*\))?//g'; }
same "free lists of the report" "$(lists "$work/kmsg")" \
	"$(sed -E 's/Node ([0-9]+), zone +/\1 /; s/ +/ /g; s/ $//' "$M/proc/buddyinfo")"
report_make "$work/again" # the new task takes some pages
marks() { sed 's/\\x0a/\n/g' "$1" | grep -oE 'Node [0-9]+ [A-Za-z0-9]+ free:.* reserved' | sed 's/free:[0-9]*kB//'; }
same "marks of the report, again" "$(marks "$work/kmsg")" "$(marks "$work/again")"
stop "$M"
sed 's/present:/preset:/g' "$work/plain.log" >"$work/none.log"
refused "no report with zones" "$work/none.log" 'without a Mem-Info block'

# ---- The capture script ----

state=$(cd "$work" && sh "$SRCDIR/conf/ummfs-capture" -r "$work/plain" -o "$work/mine.tar.gz" 2>/dev/null)
same "capture names its file" "$work/mine.tar.gz" "$state"
boots "what ummfs-capture packed" "$work/mine.tar.gz" '2 nodes, .* 8 CPUs' "$nothing_corrected"
(cd "$work" && sh "$SRCDIR/conf/ummfs-capture" -o "$work/here.tar" 2>/dev/null >&2) || fail "ummfs-capture of this host"
boots "this host" "$work/here.tar"
if [ "$(id -u)" -eq 0 ]; then
	mkdir "$work/user" && chmod 777 "$work/user"
	cp "$SRCDIR/conf/ummfs-capture" "$work/user" # the tree itself may be closed to that user
	as_user sh "$work/user/ummfs-capture" -o "$work/user/u.tar.gz" >/dev/null 2>"$work/said" || fail "ummfs-capture as a user"
	boots "as an ordinary user" "$work/user/u.tar.gz"
	[ ! -r /proc/pagetypeinfo ] || grep -q 'only root may read it' "$work/said" || fail "ummfs-capture does not say what it left out"
fi
finish
