output "facts" {
  description = "What later phases need to know of the machine."
  value = {
    instance_id    = aws_instance.this.id
    provider_id    = "aws:///${aws_instance.this.availability_zone}/${aws_instance.this.id}"
    zone           = aws_instance.this.availability_zone
    private_ip     = aws_instance.this.private_ip
    private_dns    = aws_instance.this.private_dns
    public_ip      = var.fixed_address ? one(aws_eip.this[*].public_ip) : aws_instance.this.public_ip
    host_key       = var.host_public_key
    host_parameter = aws_ssm_parameter.host_key.name
  }
}
