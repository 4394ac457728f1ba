fact() { printf '%s=%s\n' "$1" "$2"; }

ca_hash() {
  openssl x509 -pubkey -noout -in /etc/kubernetes/pki/ca.crt | openssl pkey -pubin -outform der | sha256sum | cut -d ' ' -f 1
}

tokens=$(timeout 60 kubeadm token list -o json)
mine=$(tr ',{}' '\n' <<<"$tokens" | awk -F '"' -v wanted='eco2 join k8s-monitoring' '
  $2 == "token" { id = substr($4, 1, 6) }
  $2 == "description" && $4 == wanted { print id }
')
for id in $mine; do
  timeout 60 kubeadm token delete "$id" >&2
done

token=$(timeout 60 kubeadm token create --ttl 15m --description 'eco2 join k8s-monitoring')
fact token "$token"
fact ca_hash "sha256:$(ca_hash)"

key=$(timeout 60 kubeadm init phase upload-certs --upload-certs | grep -E '^[0-9a-f]{64}$')
fact certificate_key "$key"
