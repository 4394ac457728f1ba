if [ -e /run/eco2/kubelet-20260101T000000Z ]; then echo yes; else echo no; fi
