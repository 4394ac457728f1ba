fact() { printf '%s=%s\n' "$1" "$2"; }

tokens=$(timeout 60 kubeadm token list -o json)
mine=$(tr ',{}' '\n' <<<"$tokens" | awk -F '"' -v wanted='eco2 init' '
  $2 == "token" { id = substr($4, 1, 6) }
  $2 == "description" && $4 == wanted { print id }
')

fact token_left "$(if [ -n "$mine" ]; then echo yes; else echo no; fi)"
