code=0
timeout 540 cloud-init status --wait >&2 || code=$?
if [ "$code" -eq 124 ]; then
  echo "cloud-init has not ended after 540 s" >&2
  exit 1
fi
