for word in $(sed -n 's/^KUBELET_EXTRA_ARGS=//p' /etc/default/kubelet 2>/dev/null | tr -d '\042\047'); do
  case "$word" in
    --*) word=${word#--}; echo "flag.kubelet=${word%%=*}" ;;
  esac
done
for name in etcd kube-apiserver kube-controller-manager kube-scheduler; do
  manifest=/etc/kubernetes/manifests/$name.yaml
  if [ -e "$manifest" ]; then
    echo "$name=$(sed -n 's/^ *image: .*://p' "$manifest")"
    sed -n "s/^ *- --\([a-z0-9-]*\).*/flag.$name=\1/p" "$manifest"
  fi
done
