# One machine.

mock_provider "aws" {}

variables {
  name               = "k8s-master"
  cluster            = "eco2"
  region             = "ap-northeast-2"
  instance_type      = "t3a.large"
  disk_gb            = 80
  image_id           = "ami-0123456789abcdef0"
  subnet_id          = "subnet-0123456789abcdef0"
  security_group_ids = ["sg-0123456789abcdef0"]
  instance_profile   = "eco2-control-plane"
  key_name           = "eco2"
  fixed_address      = true
  host_public_key    = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGbpT0mUfnJGNEBHBBfHPLYZ2B1CZE2EwMJSWsb0pXoX k8s-master"
  host_private_key   = "the private half"
  tags               = { "kubernetes.io/cluster/eco2" = "owned" }
}

run "a_machine" {
  module {
    source = "./modules/node"
  }

  assert {
    condition     = aws_instance.this.metadata_options[0].http_tokens == "required" && aws_instance.this.metadata_options[0].http_put_response_hop_limit == 2
    error_message = "Metadata is for who has a token, and for pods one hop away."
  }

  assert {
    condition     = aws_instance.this.root_block_device[0].encrypted && aws_instance.this.root_block_device[0].volume_type == "gp3" && aws_instance.this.root_block_device[0].volume_size == 80
    error_message = "The disk is an encrypted gp3 of the size that the file says."
  }

  assert {
    condition     = aws_instance.this.root_block_device[0].delete_on_termination
    error_message = "No disk outlives its machine."
  }

  assert {
    condition     = aws_instance.this.tags["kubernetes.io/cluster/eco2"] == "owned" && aws_instance.this.root_block_device[0].tags["kubernetes.io/cluster/eco2"] == "owned"
    error_message = "The machine and its disk say whose they are."
  }

  assert {
    condition     = length(aws_eip.this) == 1 && output.facts.public_ip == aws_eip.this[0].public_ip
    error_message = "A fixed address is the one that others are told."
  }

  assert {
    condition     = aws_ssm_parameter.host_key.type == "SecureString" && aws_ssm_parameter.host_key.tags["Instance"] == aws_instance.this.arn
    error_message = "The host key is encrypted, and tagged for its machine alone."
  }

  assert {
    condition     = yamldecode(aws_instance.this.user_data).hostname == "k8s-master" && !yamldecode(aws_instance.this.user_data).ssh_pwauth
    error_message = "The machine knows its name, and takes no passwords."
  }

  assert {
    condition     = length(aws_instance.this.user_data) < 16384
    error_message = "user_data holds 16 KiB."
  }
}

run "without_a_fixed_address" {
  module {
    source = "./modules/node"
  }

  variables {
    fixed_address = false
  }

  assert {
    condition     = length(aws_eip.this) == 0 && output.facts.public_ip == aws_instance.this.public_ip
    error_message = "Only what is reached by its address has a fixed one."
  }
}

run "what_is_no_machine" {
  command = plan

  module {
    source = "./modules/node"
  }

  variables {
    name            = "K8s_master"
    disk_gb         = 8
    host_public_key = null
  }

  expect_failures = [var.name, var.disk_gb, var.host_public_key]
}
