for kind in client server; do
  file=/var/lib/kubelet/pki/kubelet-$kind-current.pem
  end=$(test -e "$file" && openssl x509 -noout -enddate -in "$file" | cut -d = -f 2 || true)
  echo "$kind=$end"
done
