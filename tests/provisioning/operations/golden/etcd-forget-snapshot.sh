rm -f /var/lib/etcd/eco2-snapshot.db /var/lib/etcd/eco2-snapshot.db.part /run/eco2/pki.tar.gz
