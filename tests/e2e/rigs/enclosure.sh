#!/bin/sh
# enclosure.sh UNPACKED HOME COMMAND: run COMMAND with the files of UNPACKED and of HOME/files laid over the machine's own.
#
# Started by enclosure.py inside mount and process namespaces of its own, as root: nothing below is seen outside, and
# all of it ends with this shell. A mail server finds its users, configuration, spool and programs at the places that
# are compiled into it, while the machine has none of them. It ends when standard input does, so that a test run that
# is killed leaves nothing behind.
set -eu
unpacked=$1
home=$2
command=$3

private=$home/private
mkdir -p "$private"
mount -t tmpfs -o mode=755 enclosure "$private"

mount -t overlay -o "lowerdir=$unpacked/usr:/usr" enclosure /usr
# $unpacked may lie where an overlay hides it; all lower directories are opened when mounted.
for place in etc var/lib var/spool; do
  name=$(echo "$place" | tr / -)
  lower=/$place
  if [ -d "$unpacked/$place" ]; then
    lower=$unpacked/$place:/$place
  fi
  mkdir "$private/$name" "$private/$name.work"
  mount -t overlay -o "lowerdir=$lower,upperdir=$private/$name,workdir=$private/$name.work" enclosure "/$place"
done
mount -t tmpfs -o mode=755 enclosure /run

cat "$home/passwd" >>/etc/passwd
cat "$home/group" >>/etc/group
cp -R "$home/files/." /
# Names come from /etc/hosts and the DNS server of the test, if it has one: no question leaves the machine.
[ -e "$home/files/etc/resolv.conf" ] || : >/etc/resolv.conf
[ -e "$home/files/etc/resolv.conf" ] && names='files dns' || names=files
echo "hosts: $names" >/etc/nsswitch.conf

exec 3<&0 </dev/null
sh -eu -c "$command" 3<&- &
server=$!
{
  cat <&3 >/dev/null
  kill -KILL "$server"
} &
# The first process of the namespace: when it ends, the kernel ends all the others.
wait "$server"
