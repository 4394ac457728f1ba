# What the nodes themselves may, and our own pods on them.

locals {
  every_node_may = [
    {
      Sid      = "OwnHostKey"
      Effect   = "Allow"
      Action   = "ssm:GetParameter"
      Resource = "${local.arn}:ssm:${local.cluster.region}:${local.account}:parameter/${local.name}/host-keys/*"
      # One role, many nodes: each reads the one parameter that is tagged with its own ARN.
      Condition = { StringEquals = { "aws:ResourceTag/Instance" = "$${ec2:SourceInstanceARN}" } }
    },
    {
      # Session Manager, for when SSH does not answer. AWS's own AmazonSSMManagedInstanceCore would let every pod read
      # every parameter of the account; the rest of what it allows is this.
      Sid    = "SessionManager"
      Effect = "Allow"
      Action = [
        "ec2messages:AcknowledgeMessage",
        "ec2messages:DeleteMessage",
        "ec2messages:FailMessage",
        "ec2messages:GetEndpoint",
        "ec2messages:GetMessages",
        "ec2messages:SendReply",
        "ssm:DescribeAssociation",
        "ssm:DescribeDocument",
        "ssm:GetDocument",
        "ssm:GetManifest",
        "ssm:ListAssociations",
        "ssm:ListInstanceAssociations",
        "ssm:UpdateAssociationStatus",
        "ssm:UpdateInstanceAssociationStatus",
        "ssm:UpdateInstanceInformation",
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
      ]
      Resource = "*"
    },
    {
      Sid      = "RegistryLogin"
      Effect   = "Allow"
      Action   = "ecr:GetAuthorizationToken"
      Resource = "*"
    },
    {
      Sid    = "RegistryPull"
      Effect = "Allow"
      Action = [
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
      ]
      Resource = "${local.arn}:ecr:${local.cluster.region}:${local.account}:repository/${local.cluster.registry.repository}/*"
    },
  ]

  pictures_may = [
    {
      Sid      = "Pictures"
      Effect   = "Allow"
      Action   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
      Resource = [for prefix in concat(local.shown, ["uploads/"]) : "${local.buckets.images.arn}/${prefix}*"]
    },
    {
      # Without it S3 says "forbidden" instead of "not found", and cannot be asked whether the bucket is there.
      Sid      = "PicturesMissing"
      Effect   = "Allow"
      Action   = "s3:ListBucket"
      Resource = local.buckets.images.arn
    },
  ]

  # Backups are written from here and read by an operator: who takes over a node can neither read nor delete any.
  backup_etcd_may = [{
    Sid      = "WriteBackups"
    Effect   = "Allow"
    Action   = ["s3:AbortMultipartUpload", "s3:PutObject"]
    Resource = "${local.buckets.backups.arn}/etcd/*"
  }]
  backup_database_may = [{
    Sid      = "WriteBackups"
    Effect   = "Allow"
    Action   = ["s3:AbortMultipartUpload", "s3:PutObject"]
    Resource = "${local.buckets.backups.arn}/postgresql/*"
  }]
  backup_redis_may = [{
    Sid      = "WriteBackups"
    Effect   = "Allow"
    Action   = ["s3:AbortMultipartUpload", "s3:PutObject"]
    Resource = "${local.buckets.backups.arn}/redis/*"
  }]

  # Metrics are written and read from here. Nothing of them is deleted: what was sent in part is sent once more.
  thanos_may = [
    {
      Sid      = "Metrics"
      Effect   = "Allow"
      Action   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
      Resource = "${local.buckets.backups.arn}/thanos/*"
    },
    {
      # The names alone. Bound to the prefix it would not cover the question whether an object is there, which has none:
      # S3 would say "forbidden" instead of "not found", and nothing would ever be sent.
      Sid      = "MetricsMissing"
      Effect   = "Allow"
      Action   = "s3:ListBucket"
      Resource = local.buckets.backups.arn
    },
  ]
}
