# The machine's SSH host key is made by the operator, so that the first connection already knows whom to expect.
#
# Its private half goes to the machine through a SecureString: write-only here, so it stands in no plan and no state, and
# not in user_data, which every pod can read. The role lets a machine read the one parameter that is tagged with its own
# ARN (iam_nodes.tf of the root module), and the parameter is named by the instance's id, so that a lost one is in
# nobody's way.

locals {
  host_key_folder = "/${var.cluster}/host-keys"
}

resource "aws_ssm_parameter" "host_key" {
  #checkov:skip=CKV_AWS_337:the account's key is bound to the account; the role is bound to the one parameter

  name        = "${local.host_key_folder}/${aws_instance.this.id}"
  description = "SSH host key of ${var.name}"
  type        = "SecureString"
  value_wo    = var.host_private_key
  # Another pair is written because its public half is another.
  value_wo_version = parseint(substr(sha256(coalesce(var.host_public_key, "none")), 0, 8), 16)

  tags = merge(var.tags, { Name = var.name, Instance = aws_instance.this.arn })
}
