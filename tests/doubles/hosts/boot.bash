# The first process of a host: mounts its file system, starts its sshd, and ends with its keeper, who holds our stdin.
# Arguments: the host's folder, its name. Run by `unshare` with namespaces of its own for mounts, processes and the name.
set -eu
folder=$1 name=$2 root=$1/root
echo "$name" > /proc/sys/kernel/hostname
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" "$root"
sed "s|@folder@|$folder|g" > "$folder/fstab" <<'FSTAB'
/usr/bin            @folder@/root/.sim/bin            none   bind                     0 0
/usr/sbin           @folder@/root/.sim/sbin           none   bind                     0 0
tmpfs               @folder@/root/dev                 tmpfs  mode=755                 0 0
tmpfs               @folder@/root/run                 tmpfs  mode=755                 0 0
tmpfs               @folder@/root/sys                 tmpfs  mode=755                 0 0
tmpfs               @folder@/root/tmp                 tmpfs  mode=1777                0 0
proc                @folder@/root/proc                proc   defaults                 0 0
@folder@/proc/sys   @folder@/root/proc/sys            none   bind                     0 0
FSTAB
mount --all --fstab "$folder/fstab"
# These two are this machine's own: nothing in a host may write there.
for place in bin sbin; do mount -o remount,bind,ro "$root/.sim/$place"; done
# A kernel without modules or swap has no such file.
for file in meminfo modules swaps; do
    if [ -e "$root/proc/$file" ]; then mount --bind "$folder/proc/$file" "$root/proc/$file"; fi
done
cd "$root"
mkdir -p run/sshd run/lock run/systemd/system sys/module sys/fs/cgroup
touch sys/fs/cgroup/cgroup.controllers
cd dev
touch null zero full random urandom tty
for device in null zero full random urandom tty; do mount --bind "/dev/$device" "$device"; done
ln -s /proc/self/fd fd
ln -s /proc/self/fd/0 stdin
ln -s /proc/self/fd/1 stdout
ln -s /proc/self/fd/2 stderr
cd /
env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    chroot "$root" /.sim/sbin/sshd -D -e -f /.sim/sshd_config < /dev/null > /dev/null 2>> "$folder/sshd.log" &
# The keeper closes its end by ending, however it ends; this namespace then goes with all that is in it.
read -r _ || true
