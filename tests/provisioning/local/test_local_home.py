import os
import pwd
import stat
import threading

import pytest

from provisioning.local.errors import ForeignHome
from provisioning.local.home import LONGEST_SOCKET_PATH, Home, can_traverse, make_private
from provisioning.local.settings import S3, Stack


def test_a_folder_with_other_things_in_it_is_not_taken_for_a_home(tmp_path):
    (tmp_path / "thesis.txt").touch()
    mode = tmp_path.stat().st_mode
    with pytest.raises(ForeignHome):
        Home(tmp_path).create()
    assert tmp_path.stat().st_mode == mode


def test_wipe_deletes_what_is_ours_and_nothing_else(tmp_path):
    home = Home(tmp_path / "home")
    home.create()
    (home.path / "thesis.txt").touch()
    home.wipe()
    assert [path.name for path in home.path.iterdir()] == ["thesis.txt"]


def test_others_can_read_nothing(tmp_path):
    home = Home(tmp_path / "home")
    home.create()
    assert stat.S_IMODE(home.path.stat().st_mode) in (0o700, 0o710)
    secret = home.write_private(home.path / "secrets.json", "{}")
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


def test_a_socket_path_that_is_too_long_moves_to_a_short_one(tmp_path):
    near, far = Home(tmp_path), Home(tmp_path / ("long" * 30))
    assert len(os.fsencode(far.socket)) <= LONGEST_SOCKET_PATH < len(os.fsencode(far.run / "supervisor.sock"))
    assert near.socket != far.socket


def test_a_private_folder_that_somebody_else_opened_up_is_refused(tmp_path):
    folder = tmp_path / "eco2-12345678"
    folder.mkdir(mode=0o755)
    with pytest.raises(ForeignHome):
        make_private(folder)


def test_a_private_parent_stops_another_user(tmp_path):
    other = pwd.getpwnam("daemon")
    tmp_path.chmod(0o700)
    assert not can_traverse(tmp_path, other)
    assert can_traverse(tmp_path.parents[-1], other)


def test_the_lock_lets_one_in_and_the_second_waits(tmp_path):
    home = Home(tmp_path / "home")
    home.create()
    waits, entered = threading.Event(), threading.Event()

    def second():
        with home.lock(waiting=waits.set):
            entered.set()

    with home.lock():
        thread = threading.Thread(target=second)
        thread.start()
        assert waits.wait(30)
        assert not entered.is_set()
    assert entered.wait(30)
    thread.join()


def test_the_lock_of_a_wiped_home_is_taken_anew(tmp_path):
    home = Home(tmp_path / "home")
    home.create()
    with home.lock():
        home.wipe()
        with home.lock():  # another inode: a lock on the removed file would wait here for ever
            assert home.exists


def test_our_own_urls_from_the_env_file_replace_nothing(tmp_path):
    stack = Stack(Home(tmp_path / "home"))
    stack.home.create()
    stack.make_secrets()
    stack.choose_ports({})
    stack.read_environment({**stack.urls(), "ECO2_REDIS_URL": "redis://elsewhere:6379/0"})
    assert stack.replaced == {"redis": "redis://elsewhere:6379/0"}


def test_an_s3_url_is_taken_apart():
    own = S3.parse("http://KEY:a%2Fb@127.0.0.1:8333/eco2-images")
    assert (own.endpoint, own.bucket, own.access_key, own.secret_key) == (
        "http://127.0.0.1:8333",
        "eco2-images",
        "KEY",
        "a/b",
    )
    aws = S3.parse("https://s3.ap-northeast-2.amazonaws.com/eco2-images")
    assert aws.access_key is None
    assert aws.public_url == "https://s3.ap-northeast-2.amazonaws.com/eco2-images"
    assert "a/b" not in repr(own)
