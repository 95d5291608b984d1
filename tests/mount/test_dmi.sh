#!/bin/sh
# SPDX-License-Identifier: MIT
# SMBIOS tables of the mounted machine, read with dmidecode under ummfs-run; page tables of tasks.
. "$SRCDIR/tests/mount/lib.sh"

# ---- The files ----
cat >"$work/odd.conf" <<'END'
[machine]
backing = sparse
[node 0]
memory = 0-3G, 4G-17G
cpus = 0-3
socket = 0
dimms = 4x4G DDR5-4800
[node 1]
memory = 17G-33G
cpus = 4-7
socket = 0
[node 2]
memory = 33G-97G
socket = 1
dimms = 1x64G
END
start -c "$work/odd.conf"
tables=$M/sys/firmware/dmi/tables
same "files" 'DMI smbios_entry_point' "$(ls "$tables" | tr '\n' ' ' | sed 's/ $//')"
same "modes and owner" "400 $(id -u) 400 $(id -u)" "$(stat -c '%a %u' "$tables/DMI" "$tables/smbios_entry_point" | tr '\n' ' ' | sed 's/ $//')"
same "size of the entry point" 24 "$(stat -c %s "$tables/smbios_entry_point")"
same "size of the table" "$(stat -c %s "$tables/DMI")" "$(wc -c <"$tables/DMI")"
same "length in the entry point" "$(stat -c %s "$tables/DMI")" "$(od -An -tu4 -j12 -N4 "$tables/smbios_entry_point" | tr -d ' ')"
same "checksum" 0 "$(od -An -tu1 -v "$tables/smbios_entry_point" | awk '{ for (i = 1; i <= NF; i++) n += $i } END { print n % 256 }')"
same "in small pieces" "$(md5sum <"$tables/DMI")" "$(dd if="$tables/DMI" bs=7 2>/dev/null | md5sum)"
refuses "writing" sh -c "echo x >'$tables/DMI'"
refuses "removing" rm -f "$tables/DMI"
same "one socket for nodes 0 and 1" '0-7' "$(cat "$M/sys/devices/system/cpu/cpu0/topology/package_cpus_list")"
same "package of CPU 5" 0 "$(cat "$M/sys/devices/system/cpu/cpu5/topology/physical_package_id")"

# ---- Page tables: one page for 512 pages, in meminfo, on the task's node, in status ----
node_tables() { sed -n 's/^Node . PageTables: *\([0-9]*\) kB/\1/p' "$M/sys/devices/system/node/node$1/meminfo"; }
status_of() { sed -n "s/^$1:[^0-9]*\([0-9]*\) kB/\1/p" "$M/proc/$(cat "$M/tasks/$2/pid")/status"; }
before=$(zone_pages "$M")
mkdir "$M/tasks/a"
echo 4 >"$M/tasks/a/cpu"
echo 256M >"$M/tasks/a/anon"
same "PageTables" 512 "$(meminfo PageTables)"
same "PageTables of node 0" 0 "$(node_tables 0)"
same "PageTables of node 1" 512 "$(node_tables 1)"
same "VmPTE" 512 "$(status_of VmPTE a)"
same "nr_page_table_pages" 128 "$(vmstat_of nr_page_table_pages)"
echo 20 >"$M/proc/sys/vm/nr_hugepages"
echo '2M 20' >"$M/tasks/a/hugetlb"
same "VmPTE with huge pages" 516 "$(status_of VmPTE a)"
echo 4M >"$M/tasks/a/anon"
same "VmPTE of 4 MiB" 12 "$(status_of VmPTE a)"
rmdir "$M/tasks/a"
echo 0 >"$M/proc/sys/vm/nr_hugepages"
same "PageTables after rmdir" 0 "$(meminfo PageTables)"
shrink_own
same "all pages are back" "$before" "$(zone_pages "$M")"
odd=$M

# ---- dmidecode ----
if ! command -v dmidecode >/dev/null; then
	echo "SKIPPED: no dmidecode here (Debian package dmidecode)"
	finish
fi

# What stands beside the tables on this host is still there under ummfs-run.
if [ -d /sys/firmware ]; then
	host=$(ls /sys/firmware | grep -vx dmi)
	same "the host's /sys/firmware" "$host" "$("$UMMFS_RUN" -m "$odd" -- sh -c 'ls /sys/firmware | grep -vx dmi')"
else
	echo "SKIPPED: this host has no /sys/firmware to put the tables in"
	finish
fi

"$UMMFS_RUN" -m "$odd" -- dmidecode >"$work/odd" 2>&1 || fail "dmidecode, status $?"
value() { sed -n "s/^	$1: //p" "$2" | tr '\n' ' ' | sed 's/ $//'; }
same "sockets" 'CPU0 CPU1' "$(value 'Socket Designation' "$work/odd")"
same "cores" '8' "$(value 'Core Count' "$work/odd")"
same "DIMMs of nodes 0 and 1 follow each other on one socket" \
	'CPU0_DIMM_A1 CPU0_DIMM_B1 CPU0_DIMM_C1 CPU0_DIMM_D1 CPU0_DIMM_E1 CPU0_DIMM_F1 CPU1_DIMM_A1' \
	"$(value Locator "$work/odd")"
same "sizes" '4 GB 4 GB 4 GB 4 GB 8 GB 8 GB 64 GB' "$(value Size "$work/odd")"
same "types" 'DDR5 DDR5 DDR5 DDR5 DDR4 DDR4 DDR4' \
	"$(awk '/^Memory Device$/ { d = 1 } /^$/ { d = 0 } d && /^\tType:/ { print $2 }' "$work/odd" | tr '\n' ' ' | sed 's/ $//')"
same "ranges" '3 GB 13 GB 16 GB 64 GB' \
	"$(awk '/^Memory Array Mapped/ { d = 1 } /^$/ { d = 0 } d && /Range Size/ { print $3, $4 }' "$work/odd" | tr '\n' ' ' | sed 's/ $//')"
refuses "nothing odd in the table" grep -Eiq 'broken|wrong|truncated|out of spec|bad index' "$work/odd"

# ---- Which DIMM belongs to which CPU, on the shipped machine: as root and as an ordinary user ----
mkdir "$work/bin" "$work/run"
cp "$UMMFS" "$UMMFS_RUN" "$work/bin"
cp "$SRCDIR/conf/xeon-2s.conf" "$work/xeon.conf"
chmod -R a+rX "$work/bin" "$work/xeon.conf"
chmod 1777 "$work/run"
xeon() { # xeon WHO PREFIX...
	who=$1
	shift
	out=$work/xeon-$who
	XDG_RUNTIME_DIR=$work/run "$@" "$work/bin/ummfs-run" -c "$work/xeon.conf" -- dmidecode -t memory >"$out" 2>&1 ||
		fail "$who: dmidecode -t memory, status $?"
	for cpu in 0 1; do
		same "$who: DIMMs of CPU $cpu" \
			"CPU${cpu}_DIMM_A1 CPU${cpu}_DIMM_B1 CPU${cpu}_DIMM_C1 CPU${cpu}_DIMM_D1" \
			"$(value Locator "$out" | tr ' ' '\n' | grep "^CPU${cpu}_" | tr '\n' ' ' | sed 's/ $//')"
		same "$who: banks of node $cpu" 4 "$(grep -c "Bank Locator: NODE $cpu CHANNEL" "$out")"
	done
	same "$who: 16 GB each" 8 "$(grep -c '^	Size: 16 GB$' "$out")"
}
if [ "$(id -u)" -eq 0 ]; then
	xeon root env
	if as_user sh -c 'unshare -rm true' 2>/dev/null; then
		xeon user as_user env
	else
		echo "SKIPPED: an ordinary user may not make user namespaces here"
	fi
else
	xeon user env
fi
same "nothing stays mounted" 0 "$(grep -c /sys/firmware/dmi /proc/self/mounts)"
finish
