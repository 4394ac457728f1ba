"""Bootstrap tokens, on a control plane: made for one use each, known by their description, gone after it."""

from provisioning.scripts import shell
from provisioning.scripts.kubeadm import CA_HASH

TTL = "15m"
# kubeadm waits for the API server without a bound of its own.
_ONE_S = 60


def description(node: str) -> str:
    """What a token of ours says of itself; one that a killed run left behind is found by it."""
    return f"eco2 join {node}"


def create(node: str, *, certificates: bool = False) -> str:
    """Prints the facts ``token`` and ``ca_hash``: secrets of a quarter of an hour. Older tokens for the node go first.

    With `certificates` also ``certificate_key``: the control plane's certificates lie in the cluster, encrypted with
    it, for another control plane to fetch.
    """
    upload = f"""\
key=$(timeout {_ONE_S} kubeadm init phase upload-certs --upload-certs | grep -E '^[0-9a-f]{{64}}$')
fact certificate_key "$key\""""
    return shell.script(
        shell.FACT,
        CA_HASH,
        delete(node),
        f"""\
token=$(timeout {_ONE_S} kubeadm token create --ttl {TTL} --description {shell.quote(description(node))})
fact token "$token"
fact ca_hash "sha256:$(ca_hash)\"""",
        upload if certificates else "",
    )


def delete(node: str) -> str:
    """Deletes every token for this node."""
    return delete_described(description(node))


def delete_described(wanted: str) -> str:
    """Deletes every token that says just this of itself. A token is named by its public half alone."""
    return f"""\
{_mine(wanted)}
for id in $mine; do
  timeout {_ONE_S} kubeadm token delete "$id" >&2
done
"""


def is_left(wanted: str) -> str:
    """Prints the fact ``token_left``: whether there is a token that says just this of itself."""
    return shell.script(
        shell.FACT, _mine(wanted), 'fact token_left "$(if [ -n "$mine" ]; then echo yes; else echo no; fi)"'
    )


def _mine(wanted: str) -> str:
    return f"""\
tokens=$(timeout {_ONE_S} kubeadm token list -o json)
mine=$(tr ',{{}}' '\\n' <<<"$tokens" | awk -F '"' -v wanted={shell.quote(wanted)} '
  $2 == "token" {{ id = substr($4, 1, 6) }}
  $2 == "description" && $4 == wanted {{ print id }}
')"""
