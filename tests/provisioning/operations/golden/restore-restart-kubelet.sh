mkdir -p /run/eco2
test -e /run/eco2/kubelet-20260101T000000Z || systemctl restart kubelet >&2
: > /run/eco2/kubelet-20260101T000000Z
