# One bucket.

mock_provider "aws" {
  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::eco2-images-123456789012" }
  }
}

variables {
  name             = "eco2-images-123456789012"
  expiring         = ["scans/", "uploads/"]
  standard_ia_days = 30
  expire_days      = 90
  noncurrent_days  = 7
  upload_origins   = ["https://growbin.app"]
  force_destroy    = false
}

run "a_bucket" {
  module {
    source = "./modules/bucket"
  }

  assert {
    condition     = aws_s3_bucket_public_access_block.this.block_public_acls && aws_s3_bucket_public_access_block.this.block_public_policy && aws_s3_bucket_public_access_block.this.ignore_public_acls && aws_s3_bucket_public_access_block.this.restrict_public_buckets
    error_message = "Nothing in it can be made public."
  }

  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled" && one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default[0].sse_algorithm == "AES256"
    error_message = "It is versioned and encrypted."
  }

  assert {
    condition     = jsondecode(aws_s3_bucket_policy.this.policy).Statement[0].Effect == "Deny" && jsondecode(aws_s3_bucket_policy.this.policy).Statement[0].Condition.Bool["aws:SecureTransport"] == "false"
    error_message = "It refuses plain HTTP."
  }

  assert {
    condition     = alltrue([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : length(rule.filter) == 1])
    error_message = "Every rule has a filter."
  }

  assert {
    condition     = [for rule in aws_s3_bucket_lifecycle_configuration.this.rule : [one(rule.transition).days, one(rule.transition).storage_class, one(rule.expiration).days] if startswith(rule.id, "expire-")] == [for prefix in ["scans/", "uploads/"] : [30, "STANDARD_IA", 90]]
    error_message = "After 30 days cheaper, after 90 gone."
  }

  assert {
    condition     = one([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : one(rule.noncurrent_version_expiration).noncurrent_days if rule.id == "old-versions"]) == 7 && one([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : one(rule.abort_incomplete_multipart_upload).days_after_initiation if rule.id == "old-versions"]) == 1
    error_message = "Old versions and uploads that were given up go too."
  }

  assert {
    condition     = one(aws_s3_bucket_cors_configuration.this[0].cors_rule).allowed_methods == toset(["PUT"]) && one(aws_s3_bucket_cors_configuration.this[0].cors_rule).allowed_origins == toset(["https://growbin.app"])
    error_message = "Our pages may upload."
  }
}

run "nobody_uploads_where_nobody_may" {
  module {
    source = "./modules/bucket"
  }

  variables {
    upload_origins = []
  }

  assert {
    condition     = length(aws_s3_bucket_cors_configuration.this) == 0
    error_message = "Without origins there is no CORS."
  }
}

run "a_name_and_days_that_s3_does_not_take" {
  command = plan

  module {
    source = "./modules/bucket"
  }

  variables {
    name             = "Eco2_Images"
    standard_ia_days = 7
  }

  expect_failures = [var.name, var.standard_ia_days]
}

run "nothing_expires_before_it_is_cheaper" {
  command = plan

  module {
    source = "./modules/bucket"
  }

  variables {
    expire_days = 30
  }

  expect_failures = [var.expire_days]
}

run "nothing_outlives_what_was_never_deleted" {
  command = plan

  module {
    source = "./modules/bucket"
  }

  variables {
    noncurrent_days = 91
  }

  expect_failures = [var.noncurrent_days]
}
