# How long things stay. Each rule has a filter: without one the provider warns, and a later one refuses.

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  dynamic "rule" {
    for_each = var.expiring

    content {
      id     = "expire-${trimsuffix(rule.value, "/")}"
      status = "Enabled"

      filter {
        prefix = rule.value
      }

      dynamic "transition" {
        for_each = var.standard_ia_days == null ? [] : [var.standard_ia_days]

        content {
          days          = transition.value
          storage_class = "STANDARD_IA"
        }
      }

      expiration {
        days = var.expire_days
      }
    }
  }

  # In a versioned bucket an expired object is only hidden: this is what deletes it.
  rule {
    id     = "old-versions"
    status = "Enabled"

    filter {}

    expiration {
      expired_object_delete_marker = true
    }

    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_days
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  # S3 expires old versions only where there are versions.
  depends_on = [aws_s3_bucket_versioning.this]
}
