#!/.sim/bin/perl
# Any command that the model answers: sends what it was called with, prints what comes back, ends as it is told.
# No module is loaded, so that a call costs a few milliseconds.
my ($name) = $0 =~ m{([^/]+)$};
$| = 1;
my $model;
socket($model, 1, 1, 0) && connect($model, pack('S a*', 1, "\0@socket@")) or do {
    print STDERR "$name: the model of this host does not answer: $!\n";
    exit 127;
};
my $cwd = readlink('/proc/self/cwd');
my $environment = join("\n", map { "$_=$ENV{$_}" } grep { /^(KUBECONFIG|DEBIAN_FRONTEND|ETCDCTL_API|HOME|LC_ALL|NEEDRESTART_MODE)$/ } keys %ENV);
send_all(join("\0", '@host@', $name, $cwd, $$, $environment, @ARGV));
while (1) {
    my ($kind, $size) = unpack('a N', receive(5));
    my $data = $size ? receive($size) : '';
    if ($kind eq 'O') { print_all(\*STDOUT, $data) }
    elsif ($kind eq 'E') { print_all(\*STDERR, $data) }
    elsif ($kind eq 'I') { local $/; my $input = <STDIN>; send_all(defined $input ? $input : '') }
    elsif ($kind eq 'R') { exec { (split /\0/, $data)[0] } split(/\0/, $data, -1) or do { print STDERR "$name: cannot run: $!\n"; exit 127 } }
    elsif ($kind eq 'X') { exit $data }
}

sub send_all {
    my $data = pack('N', length $_[0]) . $_[0];
    my $sent = 0;
    while ($sent < length $data) {
        my $count = syswrite($model, $data, length($data) - $sent, $sent);
        exit 137 unless $count;
        $sent += $count;
    }
}

sub receive {
    my ($size, $data) = ($_[0], '');
    while (length $data < $size) {
        sysread($model, $data, $size - length $data, length $data) or exit 137;
    }
    return $data;
}

sub print_all {
    my ($stream, $data) = @_;
    my $sent = 0;
    while ($sent < length $data) {
        my $count = syswrite($stream, $data, length($data) - $sent, $sent);
        exit 141 unless $count;
        $sent += $count;
    }
}
