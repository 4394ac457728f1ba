# What is wrong is refused in the plan, before anything is made.

mock_provider "aws" {
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "us_east_1"
  source = "./tests/mocks"
}

variables {
  cluster_file      = "tests/small.yaml"
  ssh_public_key    = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGbpT0mUfnJGNEBHBBfHPLYZ2B1CZE2EwMJSWsb0pXoX operator"
  host_public_keys  = { for node in ["master", "api", "work"] : node => "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGbpT0mUfnJGNEBHBBfHPLYZ2B1CZE2EwMJSWsb0pXoX ${node}" }
  host_private_keys = { for node in ["master", "api", "work"] : node => "the private half" }
}

run "a_file_that_is_not_there" {
  command = plan

  variables {
    cluster_file = "tests/nowhere.yaml"
  }

  expect_failures = [var.cluster_file]
}

run "a_file_without_nodes" {
  command = plan

  variables {
    cluster_file = "tests/mocks/aws.tfmock.hcl"
  }

  expect_failures = [var.cluster_file]
}

run "an_operator_without_a_key" {
  command = plan

  variables {
    ssh_public_key = null # and small.yaml names a file that is not there
  }

  expect_failures = [aws_key_pair.operator]
}

run "keys_and_buckets_that_are_none" {
  command = plan

  variables {
    ssh_public_key   = "ecdsa-sha2-nistp256 AAAAE2VjZHNh operator" # EC2 takes ED25519 and RSA
    host_public_keys = { master = "ssh-ed25519 AAAA", api = "ssh-ed25519 AAAA", work = "ssh-ed25519 AAAA" }
    adopt_buckets    = { logs = "small-logs" }
    destroy_data     = ["logs"]
  }

  expect_failures = [var.ssh_public_key, var.host_public_keys, var.adopt_buckets, var.destroy_data]
}

run "an_account_that_cannot_hold_the_cluster" {
  command = plan

  override_data {
    target = data.aws_servicequotas_service_quota.vcpus
    values = { value = 5 }
  }

  override_data {
    target = data.aws_ec2_instance_type_offerings.zones
    values = { locations = ["ap-northeast-2b"] }
  }

  expect_failures = [data.aws_servicequotas_service_quota.vcpus, data.aws_ec2_instance_type_offerings.zones]
}
