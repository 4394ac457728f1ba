for word in $(sed -n 's/^KUBELET_EXTRA_ARGS=//p' /etc/default/kubelet 2>/dev/null | tr -d '\042\047'); do
  case "$word" in
    --*) word=${word#--}; echo "flag.kubelet=${word%%=*}" ;;
  esac
done
