# One machine: Ubuntu that knows its name, its operator's key and its host key. Everything else comes over SSH.

resource "aws_instance" "this" {
  #checkov:skip=CKV_AWS_88:public subnets without a NAT gateway; the security group lets in the allow-lists alone
  #checkov:skip=CKV_AWS_126:the cluster's own Prometheus looks closer, and every 30 seconds

  ami                         = var.image_id
  instance_type               = var.instance_type
  subnet_id                   = var.subnet_id
  vpc_security_group_ids      = var.security_group_ids
  iam_instance_profile        = var.instance_profile
  key_name                    = var.key_name
  associate_public_ip_address = true
  ebs_optimized               = true

  # Calico wraps what goes between pods in VXLAN: every packet carries its node's address, so AWS may check it.
  source_dest_check = true

  # Pods that call AWS by the node's role are one hop further away than the node.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 2
  }

  root_block_device {
    volume_type           = "gp3"
    volume_size           = var.disk_gb
    encrypted             = true
    delete_on_termination = true
    tags                  = merge(var.tags, { Name = var.name })
  }

  # Any pod can read user_data: no secret may stand in it.
  user_data = templatefile("${path.module}/user_data.yaml.tftpl", {
    name   = var.name
    script = file("${path.module}/install_host_key.py")
    folder = local.host_key_folder
    region = var.region
  })

  tags = merge(var.tags, { Name = var.name })

  lifecycle {
    # A newer image, another user_data or another operator's key is for the next machine of this name, and a stopped
    # machine looks as if it had no public address: none of it may replace one that stands.
    ignore_changes = [ami, user_data, key_name, associate_public_ip_address]
  }
}

resource "aws_eip" "this" {
  count = var.fixed_address ? 1 : 0

  domain   = "vpc"
  instance = aws_instance.this.id

  tags = merge(var.tags, { Name = var.name })
}
