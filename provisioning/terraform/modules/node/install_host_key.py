"""Puts this machine's SSH host key in place, before sshd starts: ``FOLDER REGION``.

The key is the parameter FOLDER/<instance id> of AWS Systems Manager. It is made after the machine, so the script asks
until it is there, for ten minutes; then it fails, the machine makes itself a key, and who expects the right one refuses
it. Nothing but Python's standard library, which is all that an untouched Ubuntu has.
"""

import hashlib
import hmac
import json
import os
import subprocess
import sys
import time
import urllib.request

WAIT_S = float(os.environ.get("HOST_KEY_WAIT_S", "600"))
PAUSE_S = float(os.environ.get("HOST_KEY_PAUSE_S", "2"))
METADATA = os.environ.get("HOST_KEY_METADATA", "http://169.254.169.254")
SSH = os.environ.get("HOST_KEY_SSH", "/etc/ssh")


def fetched(url: str, method: str = "GET", headers: dict[str, str] | None = None, body: bytes | None = None) -> str:
    request = urllib.request.Request(url, data=body, headers=headers or {}, method=method)
    with urllib.request.urlopen(request, timeout=5) as answer:
        text: str = answer.read().decode()
        return text


def metadata(path: str, token: str) -> str:
    return fetched(f"{METADATA}/latest/meta-data/{path}", headers={"X-aws-ec2-metadata-token": token})


def signed(region: str, host: str, body: bytes, role: dict[str, str]) -> dict[str, str]:
    """Headers of a call to Systems Manager, by AWS's Signature Version 4."""
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    headers = {
        "content-type": "application/x-amz-json-1.1",
        "host": host,
        "x-amz-date": now,
        "x-amz-security-token": role["Token"],
        "x-amz-target": "AmazonSSM.GetParameter",
    }
    names = ";".join(headers)
    listed = "".join(f"{name}:{value}\n" for name, value in headers.items())
    request = f"POST\n/\n\n{listed}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{now[:8]}/{region}/ssm/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = ("AWS4" + role["SecretAccessKey"]).encode()
    for part in (*scope.split("/"), text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    credential = f"Credential={role['AccessKeyId']}/{scope}, SignedHeaders={names}, Signature={key.hex()}"
    return {**headers, "authorization": f"AWS4-HMAC-SHA256 {credential}"}


def host_key(folder: str, region: str) -> str:
    token = fetched(f"{METADATA}/latest/api/token", "PUT", {"X-aws-ec2-metadata-token-ttl-seconds": "60"})
    instance = metadata("instance-id", token)
    name = metadata("iam/security-credentials/", token).split()[0]
    role = json.loads(metadata(f"iam/security-credentials/{name}", token))
    url = os.environ.get("HOST_KEY_SSM", f"https://ssm.{region}.amazonaws.com")
    body = json.dumps({"Name": f"{folder}/{instance}", "WithDecryption": True}).encode()
    answer = fetched(f"{url}/", "POST", signed(region, url.split("//")[1], body, role), body)
    return str(json.loads(answer)["Parameter"]["Value"])


def install(key: str) -> None:
    path = os.path.join(SSH, "ssh_host_ed25519_key")
    fresh = path + ".new"
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(key.rstrip("\n") + "\n")
    made = subprocess.run(["ssh-keygen", "-y", "-f", fresh], check=True, capture_output=True, text=True)
    with open(path + ".pub", "w") as file:
        file.write(made.stdout)
    os.replace(fresh, path)


def main() -> None:
    end = time.monotonic() + WAIT_S
    while True:
        try:
            key = host_key(*sys.argv[1:])
            break
        except (OSError, KeyError, ValueError, IndexError) as error:
            if time.monotonic() > end:
                sys.exit(f"no SSH host key: {type(error).__name__}: {error}")
            time.sleep(PAUSE_S)
    install(key)


if __name__ == "__main__":
    main()
