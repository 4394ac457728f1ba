variable "name" {
  description = "Host name and Name tag."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.name))
    error_message = "A node's name must be an RFC 1123 label."
  }
}

variable "cluster" {
  description = "Name of the cluster; part of the path under which the node finds its host key."
  type        = string
}

variable "region" {
  type = string
}

variable "instance_type" {
  type = string
}

variable "disk_gb" {
  description = "Size of the root volume."
  type        = number

  validation {
    condition     = var.disk_gb >= 20 && var.disk_gb <= 16384
    error_message = "disk_gb must be 20 to 16384: below, the images of a node do not fit; above, gp3 ends."
  }
}

variable "image_id" {
  type = string
}

variable "subnet_id" {
  type = string
}

variable "security_group_ids" {
  type = list(string)
}

variable "instance_profile" {
  type = string
}

variable "key_name" {
  type = string
}

variable "fixed_address" {
  description = "Whether the public address outlives a stop: for what is reached from outside by its address."
  type        = bool
}

variable "host_public_key" {
  description = "The SSH host key's public half."
  type        = string
  nullable    = true

  validation {
    condition     = var.host_public_key != null
    error_message = "This node has no host key; provisioning.terraform.host_keys makes them."
  }
}

variable "host_private_key" {
  description = "Its private half."
  type        = string
  nullable    = true
  ephemeral   = true
  sensitive   = true
}

variable "tags" {
  description = "On the root volume too, which the provider's default tags reach in no version before 5.39."
  type        = map(string)
}
