#!/bin/sh
# SPDX-License-Identifier: MIT
# Unmodified tools that show and set huge page pools, under ummfs-run: hugeadm, dpdk-hugepages.py and numastat -m.
# What they print is compared with the tree, and what they were told to do is looked for in the tree.
. "$SRCDIR/tests/mount/lib.sh"

conf() { # conf NAME NODES: two CPUs and memory for some 1 GiB pages on each node
	for node in $(seq 0 $(($2 - 1))); do
		printf '[node %d]\nmemory=3G\ncpus=%d-%d\n' "$node" $((node * 2)) $((node * 2 + 1))
	done >"$work/$1.conf"
}

tool() { # tool COMMAND...: on the machine at $M; what it says goes to $work/out
	"$UMMFS_RUN" -m "$M" -- "$@" >"$work/out" 2>"$work/err" ||
		fail "$*: status $? $(head -n 3 "$work/err")"
}

has() {
	command -v "$1" >/dev/null || { echo "SKIPPED: no $1"; return 1; }
}

pools() {
	ls "$M/sys/kernel/mm/hugepages" | sed 's/hugepages-\(.*\)kB/\1/' | sort -n
}

pool() { # pool KB FILE
	cat "$M/sys/kernel/mm/hugepages/hugepages-$1kB/$2"
}

# What `hugeadm --pool-list` has to say, by the tree: bytes, persistent pages, all of them, and with overcommit.
pool_list() {
	default=$(meminfo Hugepagesize)
	for kb in $(pools); do
		nr=$(pool "$kb" nr_hugepages) surplus=$(pool "$kb" surplus_hugepages)
		more=$(pool "$kb" nr_overcommit_hugepages)
		star=
		[ "$kb" != "$default" ] || star=' *'
		echo "$((kb * 1024)) $((nr - surplus)) $nr $((nr - surplus + more))$star"
	done
}

hugeadm_agrees() { # hugeadm_agrees WHEN
	tool hugeadm --pool-list
	same "hugeadm --pool-list $1" "$(pool_list)" "$(sed 1d "$work/out" | awk '{ $1 = $1; print }' | sort -n)"
}

# The two files of the default size, its directory and meminfo say the same.
coherent() { # coherent WHEN
	nr=$(pool 2048 nr_hugepages)
	same "$1: vm.nr_hugepages" "$nr" "$(cat "$M/proc/sys/vm/nr_hugepages")"
	same "$1: vm.nr_overcommit_hugepages" "$(pool 2048 nr_overcommit_hugepages)" \
		"$(cat "$M/proc/sys/vm/nr_overcommit_hugepages")"
	same "$1: HugePages_Total" "$nr" "$(meminfo HugePages_Total)"
	sum=0
	for f in "$M"/sys/devices/system/node/node*/hugepages/hugepages-2048kB/nr_hugepages; do
		sum=$((sum + $(cat "$f")))
	done
	same "$1: sum of the nodes" "$nr" "$sum"
}

test_hugeadm() {
	has hugeadm || return
	hugeadm_agrees "at first"
	tool hugeadm --page-sizes-all
	same "hugeadm --page-sizes-all" "$(for kb in $(pools); do echo $((kb * 1024)); done)" "$(sort -n "$work/out")"
	before=$(pool 2048 nr_hugepages)
	tool hugeadm --pool-pages-min 2MB:+3
	same "hugeadm --pool-pages-min 2MB:+3" $((before + 3)) "$(cat "$M/proc/sys/vm/nr_hugepages")"
	coherent "after +3"
	hugeadm_agrees "after +3"
	tool hugeadm --pool-pages-max 2MB:+5
	same "hugeadm --pool-pages-max 2MB:+5" "$((before + 3)) 5" \
		"$(pool 2048 nr_hugepages) $(pool 2048 nr_overcommit_hugepages)"
	coherent "after max +5"
	hugeadm_agrees "after max +5"
	# Surplus pages are what is used above the minimum.
	mkdir "$M/tasks/a"
	echo "2M $((before + 5))" >"$M/tasks/a/hugetlb" || fail "a task with surplus pages"
	same "surplus pages" 2 "$(meminfo HugePages_Surp)"
	hugeadm_agrees "with surplus"
	rmdir "$M/tasks/a"
	hugeadm_agrees "when the surplus is gone"
	tool hugeadm --pool-pages-min 2MB:10
	same "hugeadm --pool-pages-min 2MB:10" 10 "$(pool 2048 nr_hugepages)"
	tool hugeadm --pool-pages-min 2MB:-4
	same "hugeadm --pool-pages-min 2MB:-4" 6 "$(pool 2048 nr_hugepages)"
	# More than there is: the minimum becomes what could be had, in the tool as in the tree.
	tool hugeadm --pool-pages-min 2MB:100000
	got=$(pool 2048 nr_hugepages)
	at_least "more than there is: many" 1000 "$got"
	at_most "more than there is: not all" 3072 "$got"
	coherent "more than there is"
	hugeadm_agrees "more than there is"
	tool hugeadm --pool-pages-max 2MB:0
	tool hugeadm --pool-pages-min 2MB:0
	same "nothing in the end" "0 0" "$(pool 2048 nr_hugepages) $(pool 2048 nr_overcommit_hugepages)"
	coherent "in the end"
	if [ -d "$M/sys/kernel/mm/hugepages/hugepages-1048576kB" ]; then
		tool hugeadm --pool-pages-min 1GB:+1
		same "hugeadm --pool-pages-min 1GB:+1" 1 "$(pool 1048576 nr_hugepages)"
		hugeadm_agrees "with 1 GiB"
		tool hugeadm --pool-pages-min 1GB:0
		same "1 GiB given back" 0 "$(pool 1048576 nr_hugepages)"
	fi
}

# `dpdk-hugepages.py -s` by the tree: a line for each node and size that has pages.
dpdk_lines() {
	for f in "$M"/sys/devices/system/node/node*/hugepages/hugepages-*; do
		node=${f#*/node/node} node=${node%%/*} kb=${f##*-} kb=${kb%kB} nr=$(cat "$f/nr_hugepages")
		[ "$nr" -gt 0 ] || continue
		echo "$node $nr $(dpdk_size "$kb") $(dpdk_size $((nr * kb)))"
	done | sort
}

dpdk_size() { # kB as the tool writes it: whole units, downwards
	if [ "$1" -ge 1048576 ]; then echo $(($1 / 1048576))Gb; else echo $(($1 / 1024))Mb; fi
}

dpdk_agrees() { # dpdk_agrees WHEN
	tool dpdk-hugepages.py -s
	same "dpdk-hugepages.py -s $1" "$(dpdk_lines)" \
		"$(awk 'NR > 1 && !NF { exit } NR > 1 { $1 = $1; print }' "$work/out" | sort)"
}

test_dpdk() { # test_dpdk NODES
	has dpdk-hugepages.py || return
	dpdk_agrees "at first"
	tool dpdk-hugepages.py -p 2M -r 64M
	same "-p 2M -r 64M: on every node" $((32 * $1)) "$(pool 2048 nr_hugepages)"
	dpdk_agrees "after -r 64M"
	coherent "after -r 64M"
	last=$(($1 - 1))
	tool dpdk-hugepages.py --node "$last" --pagesize 2M --reserve 128M
	same "--node $last" "$(((32 * last) + 64))" "$(pool 2048 nr_hugepages)"
	same "--node $last: there" 64 \
		"$(cat "$M/sys/devices/system/node/node$last/hugepages/hugepages-2048kB/nr_hugepages")"
	dpdk_agrees "after --node"
	if [ -d "$M/sys/kernel/mm/hugepages/hugepages-1048576kB" ]; then
		tool dpdk-hugepages.py --node "$last" -p 1G -r 1G
		same "-p 1G -r 1G" 1 "$(pool 1048576 nr_hugepages)"
		dpdk_agrees "with 1 GiB"
	fi
	# What does not fit: the tool says how many pages there were.
	if "$UMMFS_RUN" -m "$M" -- dpdk-hugepages.py -p 2M -r 64G >"$work/out" 2>"$work/err"; then
		fail "dpdk-hugepages.py found 64 GiB on a node of 3"
	fi
	got=$(sed -n 's|^Unable to set pages (\([0-9]*\) instead of 32768 in .*/\(node[0-9]*\)/.*|\1 \2|p' "$work/err")
	same "dpdk-hugepages.py says what it got" "$got" \
		"$(cat "$M/sys/devices/system/node/${got#* }/hugepages/hugepages-2048kB/nr_hugepages") ${got#* }"
	if "$UMMFS_RUN" -m "$M" -- dpdk-hugepages.py -p 4M -r 64M >"$work/out" 2>"$work/err"; then
		fail "dpdk-hugepages.py found pages of 4 MiB"
	fi
	# The tool lists a directory, in no order.
	same "the sizes that the tool offers" "$(pools | xargs)" \
		"$(sed -n 's/^Invalid page size. Valid page sizes: //p' "$work/err" | tr ' ' '\n' | sed 's/kB$//' | sort -n | xargs)"
	tool dpdk-hugepages.py -c
	for kb in $(pools); do
		same "dpdk-hugepages.py -c, $kb kB" 0 "$(pool "$kb" nr_hugepages)"
	done
	dpdk_agrees "after -c"
	# --setup also mounts, in the command's own namespace: a host that does not let it changes nothing here.
	mkdir -p "$work/huge"
	tool dpdk-hugepages.py -p 2M --setup 32M -d "$work/huge"
	same "--setup 32M" $((16 * $1)) "$(pool 2048 nr_hugepages)"
	dpdk_agrees "after --setup"
	tool dpdk-hugepages.py -c
}

# HugePages_* and MemFree of each node in MiB, as in nodeN/meminfo (the tool shows MiB for both).
numastat_row() { # numastat_row NAME
	for n in "$M"/sys/devices/system/node/node*/meminfo; do
		awk -v key="$1:" '$3 == key { print $4, $5 }' "$n"
	done
}

test_numastat() { # test_numastat NODES
	has numastat || return
	echo 7 >"$M/proc/sys/vm/nr_overcommit_hugepages"
	for node in $(seq 0 $(($1 - 1))); do
		echo $((10 + node * 5)) >"$M/sys/devices/system/node/node$node/hugepages/hugepages-2048kB/nr_hugepages"
	done
	mkdir "$M/tasks/b"
	echo "2M $(($(pool 2048 nr_hugepages) + 2))" >"$M/tasks/b/hugetlb" || fail "a task with all huge pages"
	cat "$M/proc/sys/vm/stat_refresh" # what CPUs have counted and not yet told would come in between
	tool numastat -m
	page=$(($(meminfo Hugepagesize) / 1024))
	for key in HugePages_Total HugePages_Free HugePages_Surp MemTotal MemFree; do
		same "numastat -m, $key" "$(numastat_row $key | awk -v page="$page" '
			{ v = $2 == "kB" ? $1 / 1024 : $1 * page; sum += v; printf "%.2f ", v }
			END { printf "%.2f", sum }')" \
			"$(awk -v key="$key" '$1 == key { $1 = ""; print substr($0, 2) }' "$work/out")"
	done
	rmdir "$M/tasks/b"
	echo 0 >"$M/proc/sys/vm/nr_overcommit_hugepages"
	echo 0 >"$M/proc/sys/vm/nr_hugepages"
	tool numastat -m
	same "numastat -m, an empty pool" 0.00 "$(awk '/^HugePages_Total/ { print $NF }' "$work/out")"
}

for nodes in 1 2; do
	conf $nodes $nodes
	start -c "$work/$nodes.conf" -o backing=sparse
	test_hugeadm
	test_dpdk $nodes
	test_numastat $nodes
	stop "$M"
done

# An ordinary user, with a machine for one command.
if [ "$(id -u)" -eq 0 ] && as_user sh -c 'unshare -rm true' 2>/dev/null && has hugeadm; then
	mkdir "$work/bin" "$work/run"
	cp "$UMMFS" "$UMMFS_RUN" "$work/bin"
	chmod -R a+rX "$work"
	chmod 1777 "$work/run"
	same "hugeadm of an ordinary user" 3 "$(cd / && XDG_RUNTIME_DIR=$work/run as_user "$work/bin/ummfs-run" \
		-c "$work/2.conf" -o backing=sparse -- \
		sh -c 'hugeadm --pool-pages-min 2MB:+3 2>/dev/null; cat /proc/sys/vm/nr_hugepages' 2>/dev/null)"
fi
# --proc: the tasks are the processes.
conf 2 2
same "ummfs-run --proc: processes" "a b" "$("$UMMFS_RUN" -c "$work/2.conf" -o backing=sparse --proc -- \
	sh -c 'mkdir "$UMMFS_MOUNTPOINT/tasks/a" "$UMMFS_MOUNTPOINT/tasks/b"; cat /proc/[0-9]*/comm | xargs')"
same "nothing stays mounted" 0 "$(grep -c "$work" /proc/self/mounts)"
finish
