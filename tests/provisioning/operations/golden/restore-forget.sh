rm -rf /var/lib/etcd.before-20250101T000000Z /var/lib/etcd.undone-20250101T000000Z /var/lib/eco2/restore/20260101T000000Z
