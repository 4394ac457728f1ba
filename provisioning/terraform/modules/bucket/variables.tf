variable "name" {
  description = "The whole name, the account's number included."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "A bucket's name must be 3 to 63 of a-z, 0-9 and hyphens."
  }
}

variable "expiring" {
  description = "Prefixes whose objects are deleted after expire_days."
  type        = set(string)
}

variable "standard_ia_days" {
  description = "After so many days an object becomes STANDARD_IA; null: never."
  type        = number
  nullable    = true

  validation {
    condition     = var.standard_ia_days == null ? true : var.standard_ia_days >= 30
    error_message = "S3 moves nothing to STANDARD_IA before it is 30 days old."
  }
}

variable "expire_days" {
  type = number

  validation {
    condition     = var.expire_days > coalesce(var.standard_ia_days, 0)
    error_message = "expire_days must come after standard_ia_days."
  }
}

variable "noncurrent_days" {
  description = "What was deleted or overwritten can be had back for so many days."
  type        = number

  validation {
    condition     = var.noncurrent_days >= 1 && var.noncurrent_days <= var.expire_days
    error_message = "noncurrent_days must be 1 to expire_days: nothing outlives what was never deleted."
  }
}

variable "upload_origins" {
  description = "Pages of these origins may PUT to presigned addresses from a browser."
  type        = list(string)
  default     = []
}

variable "statements" {
  description = "Of the bucket's policy, beside the one that refuses plain HTTP."
  type        = any
  default     = []
}

variable "force_destroy" {
  description = "Whether a destroy deletes the objects, of every version; otherwise it stops at a bucket that holds any."
  type        = bool
}
