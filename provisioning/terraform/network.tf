# One VPC with a public subnet in each zone. The nodes have public addresses and reach the internet without a NAT gateway;
# what may reach them is in security.tf.

resource "aws_vpc" "main" {
  #checkov:skip=CKV2_AWS_11:flow logs cost more than they tell; Calico can log what its policies refuse

  cidr_block           = local.cluster.network.vpc
  enable_dns_support   = true
  enable_dns_hostnames = true # the private zone and the nodes' names need it

  tags = { Name = local.name }
}

resource "aws_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id

  tags = { Name = local.name }
}

resource "aws_subnet" "public" {
  for_each = local.cluster.network.subnets

  vpc_id            = aws_vpc.main.id
  availability_zone = each.key
  cidr_block        = each.value

  tags = {
    Name                     = "${local.name}-${each.key}"
    "kubernetes.io/role/elb" = "1" # where the load balancer controller puts what faces the internet
  }
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.main.id

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.main.id
  }

  tags = { Name = "${local.name}-public" }
}

resource "aws_route_table_association" "public" {
  for_each = aws_subnet.public

  subnet_id      = each.value.id
  route_table_id = aws_route_table.public.id
}
