# What the cluster's AWS controllers may. Where AWS can tell whose a thing is, they may touch the cluster's own alone.
# Sources: cloud-provider-aws docs/prerequisites.md; aws-ebs-csi-driver docs/example-iam-policy.json;
# aws-load-balancer-controller docs/install/iam_policy.json, without WAF, Shield, Cognito and security groups.

locals {
  # Node names, zones and addresses. Routes are Calico's, load balancers the other controller's.
  cloud_controller_may = [{
    Sid    = "SeeNodes"
    Effect = "Allow"
    Action = [
      "ec2:DescribeAvailabilityZones",
      "ec2:DescribeInstanceTopology",
      "ec2:DescribeInstances",
      "ec2:DescribeRegions",
      "ec2:DescribeRouteTables",
      "ec2:DescribeSecurityGroups",
      "ec2:DescribeSubnets",
      "ec2:DescribeVolumes",
      "ec2:DescribeVpcs",
    ]
    Resource = "*"
  }]

  # The driver tags by its option k8sTagClusterId what it makes: without that it may make nothing.
  tagged_as_ours = { StringEquals = { "aws:ResourceTag/${local.cluster_tag}" = "owned" } }
  tags_as_ours   = { StringEquals = { "aws:RequestTag/${local.cluster_tag}" = "owned" } }

  ebs_csi_may = [
    {
      Sid    = "SeeVolumes"
      Effect = "Allow"
      Action = [
        "ec2:DescribeAvailabilityZones",
        "ec2:DescribeInstances",
        "ec2:DescribeSnapshots",
        "ec2:DescribeTags",
        "ec2:DescribeVolumeStatus",
        "ec2:DescribeVolumes",
        "ec2:DescribeVolumesModifications",
      ]
      Resource = "*"
    },
    {
      Sid       = "MakeVolumes"
      Effect    = "Allow"
      Action    = "ec2:CreateVolume"
      Resource  = "${local.ec2_arn}:volume/*"
      Condition = local.tags_as_ours
    },
    {
      Sid       = "MakeSnapshots"
      Effect    = "Allow"
      Action    = "ec2:CreateSnapshot"
      Resource  = "${local.arn}:ec2:${local.cluster.region}::snapshot/*"
      Condition = local.tags_as_ours
    },
    {
      Sid    = "FromSnapshots"
      Effect = "Allow"
      Action = ["ec2:CreateVolume", "ec2:DeleteSnapshot"]
      Resource = [
        "${local.arn}:ec2:${local.cluster.region}::snapshot/*",
      ]
      Condition = local.tagged_as_ours
    },
    {
      Sid    = "UseVolumes"
      Effect = "Allow"
      Action = [
        "ec2:AttachVolume",
        "ec2:CreateSnapshot",
        "ec2:DeleteVolume",
        "ec2:DetachVolume",
        "ec2:ModifyVolume",
      ]
      Resource  = ["${local.ec2_arn}:volume/*", "${local.ec2_arn}:instance/*"]
      Condition = local.tagged_as_ours
    },
    {
      Sid       = "TagVolumes"
      Effect    = "Allow"
      Action    = "ec2:CreateTags"
      Resource  = ["${local.ec2_arn}:volume/*", "${local.arn}:ec2:${local.cluster.region}::snapshot/*"]
      Condition = { StringEquals = { "ec2:CreateAction" = ["CreateSnapshot", "CreateVolume"] } }
    },
  ]

  # The controller tags all it makes with the name of its cluster.
  elb_arn     = "${local.arn}:elasticloadbalancing:${local.cluster.region}:${local.account}"
  elb_tagged  = { StringEquals = { "aws:ResourceTag/elbv2.k8s.aws/cluster" = local.name } }
  elb_tags    = { StringEquals = { "aws:RequestTag/elbv2.k8s.aws/cluster" = local.name } }
  elb_kinds   = ["listener-rule/app/*/*/*/*", "listener/app/*/*/*", "loadbalancer/app/*/*", "targetgroup/*/*"]
  elb_objects = [for kind in local.elb_kinds : "${local.elb_arn}:${kind}"]

  load_balancer_may = [
    {
      Sid    = "SeeNetwork"
      Effect = "Allow"
      Action = [
        "acm:DescribeCertificate",
        "acm:ListCertificates",
        "ec2:DescribeAccountAttributes",
        "ec2:DescribeAddresses",
        "ec2:DescribeAvailabilityZones",
        "ec2:DescribeCoipPools",
        "ec2:DescribeInstances",
        "ec2:DescribeInternetGateways",
        "ec2:DescribeIpamPools",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeRouteTables",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeTags",
        "ec2:DescribeVpcPeeringConnections",
        "ec2:DescribeVpcs",
        "ec2:GetSecurityGroupsForVpc",
        "elasticloadbalancing:DescribeCapacityReservation",
        "elasticloadbalancing:DescribeListenerAttributes",
        "elasticloadbalancing:DescribeListenerCertificates",
        "elasticloadbalancing:DescribeListeners",
        "elasticloadbalancing:DescribeLoadBalancerAttributes",
        "elasticloadbalancing:DescribeLoadBalancers",
        "elasticloadbalancing:DescribeRules",
        "elasticloadbalancing:DescribeSSLPolicies",
        "elasticloadbalancing:DescribeTags",
        "elasticloadbalancing:DescribeTargetGroupAttributes",
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:DescribeTargetHealth",
        "elasticloadbalancing:DescribeTrustStores",
      ]
      Resource = "*"
    },
    {
      # Once in the life of an account; without it the first load balancer fails.
      Sid       = "FirstLoadBalancer"
      Effect    = "Allow"
      Action    = "iam:CreateServiceLinkedRole"
      Resource  = "${local.arn}:iam::${local.account}:role/aws-service-role/elasticloadbalancing.amazonaws.com/*"
      Condition = { StringEquals = { "iam:AWSServiceName" = "elasticloadbalancing.amazonaws.com" } }
    },
    {
      Sid       = "Make"
      Effect    = "Allow"
      Action    = ["elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:CreateTargetGroup"]
      Resource  = local.elb_objects
      Condition = local.elb_tags
    },
    {
      Sid       = "TagWhatIsMade"
      Effect    = "Allow"
      Action    = "elasticloadbalancing:AddTags"
      Resource  = local.elb_objects
      Condition = local.elb_tags
    },
    {
      Sid    = "ChangeAndDelete"
      Effect = "Allow"
      Action = [
        "elasticloadbalancing:AddListenerCertificates",
        "elasticloadbalancing:AddTags",
        "elasticloadbalancing:CreateListener",
        "elasticloadbalancing:CreateRule",
        "elasticloadbalancing:DeleteListener",
        "elasticloadbalancing:DeleteLoadBalancer",
        "elasticloadbalancing:DeleteRule",
        "elasticloadbalancing:DeleteTargetGroup",
        "elasticloadbalancing:DeregisterTargets",
        "elasticloadbalancing:ModifyListener",
        "elasticloadbalancing:ModifyListenerAttributes",
        "elasticloadbalancing:ModifyLoadBalancerAttributes",
        "elasticloadbalancing:ModifyRule",
        "elasticloadbalancing:ModifyTargetGroup",
        "elasticloadbalancing:ModifyTargetGroupAttributes",
        "elasticloadbalancing:RegisterTargets",
        "elasticloadbalancing:RemoveListenerCertificates",
        "elasticloadbalancing:RemoveTags",
        "elasticloadbalancing:SetIpAddressType",
        "elasticloadbalancing:SetRulePriorities",
        "elasticloadbalancing:SetSecurityGroups",
        "elasticloadbalancing:SetSubnets",
      ]
      Resource  = local.elb_objects
      Condition = local.elb_tagged
    },
  ]
}
