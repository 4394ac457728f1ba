for image in registry.k8s.io/pause:3.10.1 registry.k8s.io/kube-proxy:v1.34.12; do
  timeout 300 crictl pull "$image" >&2
done
