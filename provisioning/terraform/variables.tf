# What the cluster is stands in cluster.yaml. Here is only what differs from one operator, or one run, to the next.

variable "cluster_file" {
  description = "The file that says what the cluster is; null: provisioning/cluster.yaml."
  type        = string
  default     = null

  validation {
    condition     = var.cluster_file == null ? true : can(yamldecode(file(var.cluster_file)).nodes)
    error_message = "cluster_file must name a YAML file that lists the cluster's nodes."
  }
}

variable "ssh_public_key" {
  description = "The operator's public key; null: read from access.key_file of the cluster file, with .pub appended."
  type        = string
  default     = null

  validation {
    condition     = var.ssh_public_key == null ? true : can(regex("^ssh-(ed25519|rsa) [A-Za-z0-9+/]+=*( .*)?\n?$", var.ssh_public_key))
    error_message = "ssh_public_key must be one OpenSSH public key, ssh-ed25519 or ssh-rsa; EC2 takes no others."
  }
}

variable "host_public_keys" {
  description = "The nodes' SSH host keys, public halves: node -> ssh-ed25519 AAAA…; made by provisioning.terraform.host_keys."
  type        = map(string)

  validation {
    condition     = alltrue([for key in values(var.host_public_keys) : can(regex("^ssh-ed25519 [A-Za-z0-9+/]{68}( [^\n]*)?$", key))])
    error_message = "Each host key must be one line, ssh-ed25519 and the key."
  }
}

variable "host_private_keys" {
  description = "The same keys' private halves, in OpenSSH's format. Ephemeral: in no plan and no state. Give it as TF_VAR_host_private_keys."
  type        = map(string)
  ephemeral   = true
  sensitive   = true
}

variable "adopt_buckets" {
  description = "Buckets that stand already, from a run whose state is lost: images or backups -> name. They are taken over with what they hold."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for bucket in keys(var.adopt_buckets) : contains(["images", "backups"], bucket)])
    error_message = "adopt_buckets knows images and backups."
  }
}

variable "destroy_data" {
  description = "Buckets whose objects a destroy may delete: images, backups. Apply it first, then destroy; without it a bucket that holds something stays."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for bucket in var.destroy_data : contains(["images", "backups"], bucket)])
    error_message = "destroy_data knows images and backups."
  }
}
