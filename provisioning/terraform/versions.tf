terraform {
  required_version = ">= 1.11" # write-only arguments keep the host keys out of the state

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }

  # The state lies where `terraform init -backend-config=path=…` says. For one in S3 that locks, see
  # backend_override.tf.example.
  backend "local" {}
}
