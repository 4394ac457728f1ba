# A bucket's name is the whole world's, and its contents are users' photos and the backups: where one stands whose state
# was lost, it is taken over, instead of stopping every apply with BucketAlreadyOwnedByYou.
import {
  for_each = var.adopt_buckets

  to = module.bucket[each.key].aws_s3_bucket.this
  id = each.value
}
