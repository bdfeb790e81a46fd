# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every store, tried on both: a directory, and Secrets Manager as the AWS emulator has it."""

from __future__ import annotations

import dataclasses
import json
import threading

import boto3
import pytest

from ansible_collections.wxgov.sagemaker.plugins.doc_fragments.connections import ModuleDocFragment
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.errors import (
    AwsSessionError,
    BrokenConnectionError,
    ConnectionStoreError,
    EditConflictError,
    InvalidConnectionError,
    NoSuchConnectionError,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.model import ConsoleEndpoint
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.secrets_store import (
    DEFAULT_PREFIX,
    SecretsStore,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.serialization import dumps
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.store import DirectoryStore
from ansible_collections.wxgov.sagemaker.plugins.module_utils.connection.stores import (
    StoreSettings,
    open_store,
    read_secret,
)

REGION = "eu-central-1"


class Directory:
    """A directory and a way to write nonsense into it."""

    def __init__(self, path):
        self.path = path

    def open(self):
        return DirectoryStore(self.path)

    def spoil(self, name, text):
        self.path.mkdir(exist_ok=True)
        (self.path / f"{name}.json").write_text(text)


class Secrets:
    """The same with secrets."""

    def __init__(self):
        self.client = boto3.Session().client("secretsmanager", region_name=REGION)

    def open(self):
        return SecretsStore(self.client)

    def spoil(self, name, text):
        self.client.create_secret(Name=f"{DEFAULT_PREFIX}{name}", SecretString=text)


@pytest.fixture
def cloud(aws, monkeypatch):
    """The AWS emulator as the process sees it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "111122223333")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return aws


@pytest.fixture(params=["directory", "secretsmanager"])
def kept(request, tmp_path):
    if request.param == "directory":
        return Directory(tmp_path / "connections.d")
    request.getfixturevalue("cloud")
    return Secrets()


@pytest.fixture
def store(kept):
    return kept.open()


def test_what_is_saved_is_loaded_by_this_store_and_the_next(store, kept, connection, another):
    assert store.names() == ()
    for one in (connection, another):
        store.save(one)
    for reader in (store, kept.open()):
        assert reader.names() == ("churn", "credit-risk")
        assert reader.load("credit-risk") == reader.find("credit-risk") == connection
        assert (reader.load_all().connections, reader.load_all().problems) == ((another, connection), {})
        assert reader.is_private("churn")


def test_a_connection_is_replaced_and_removed(store, kept, connection):
    store.save(connection)
    for description in ("second", "third"):
        store.save(dataclasses.replace(connection, description=description))
        assert kept.open().load("credit-risk").description == description
    assert store.remove("credit-risk")
    assert not store.remove("credit-risk")
    assert (store.names(), store.find("credit-risk"), store.load_all().connections) == ((), None, ())


def test_a_name_that_was_removed_can_be_used_again(store, kept, connection):
    store.save(connection)
    store.remove("credit-risk")
    again = dataclasses.replace(connection, description="again")
    for writer in (store, kept.open()):
        writer.save(again)
        assert kept.open().load("credit-risk") == again
        writer.remove("credit-risk")


def test_nothing_there(store):
    with pytest.raises(NoSuchConnectionError, match="nothing"):
        store.load("nothing")
    assert store.find("nothing") is None
    assert store.remove("nothing") is False


@pytest.mark.parametrize("name", ["", "Credit", "a/b", "../x", "-a", "a" * 64, "a.b", "a\n"])
def test_names_that_cannot_be(store, name, connection):
    for act in (store.load, store.remove, store.is_private):
        with pytest.raises(InvalidConnectionError):
            act(name)
    with pytest.raises(InvalidConnectionError):
        store.save(dataclasses.replace(connection, name=name))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not valid JSON"),
        ("[]", "not a JSON object"),
        ('{"schema_version": 99}', "upgrade"),
        ('{"schema_version": 0}', "never existed"),
    ],
)
def test_what_cannot_be_used_is_named_and_hides_no_other(store, kept, connection, text, words):
    store.save(connection)
    kept.spoil("broken", text)
    with pytest.raises(BrokenConnectionError, match=words) as error:
        store.load("broken")
    assert "broken" in str(error.value)
    loaded = store.load_all()
    assert (loaded.connections, list(loaded.problems)) == ((connection,), ["broken"])
    assert words in loaded.problems["broken"]
    assert store.remove("broken")


def test_a_connection_under_anothers_name_is_not_used(store, kept, connection):
    kept.spoil("copy", dumps(connection))
    with pytest.raises(BrokenConnectionError, match="another name"):
        store.load("copy")


def test_concurrent_writers_lose_no_change(kept, connection):
    kept.open().save(dataclasses.replace(connection, description="0"))
    failures = []

    def count(current):
        return dataclasses.replace(current, description=str(int(current.description) + 1))

    def work():
        store = kept.open()
        done = 0
        while done < 8:
            try:
                store.update("credit-risk", count)
            except EditConflictError:
                continue
            except Exception as error:
                failures.append(error)
                return
            done += 1

    threads = [threading.Thread(target=work) for _count in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert kept.open().load("credit-risk").description == "24"


def test_an_update_of_what_is_not_there_is_an_error(store):
    with pytest.raises(NoSuchConnectionError):
        store.update("nothing", lambda connection: connection)


def test_no_secret_is_told(store, kept, connection):
    kept.spoil("broken", dumps(connection).replace('"name"', '"nome"'))
    assert "secret-" not in str(store.load_all().problems)
    assert "secret-" not in repr(store)


# ---- Secrets Manager alone -------------------------------------------------------------------------------------------


@pytest.fixture
def secrets(cloud):
    return Secrets()


def test_a_writer_who_has_not_seen_the_last_change_is_refused(secrets, connection):
    first, second = secrets.open(), secrets.open()
    first.save(connection)
    seen = second.load("credit-risk")
    first.save(dataclasses.replace(connection, description="first"))
    with pytest.raises(EditConflictError):
        second.save(dataclasses.replace(seen, enabled=False))
    assert secrets.open().load("credit-risk").description == "first"
    with pytest.raises(EditConflictError):
        secrets.open().save(connection)


def test_a_write_whose_answer_was_lost_is_not_taken_for_a_conflict(secrets, cloud, connection):
    store = secrets.open()
    store.save(connection)
    cloud.fault("secretsmanager.UpdateSecretVersionStage", "lost_response", times=1)
    store.save(dataclasses.replace(connection, description="new"))
    assert secrets.open().load("credit-risk").description == "new"


def test_writes_take_two_calls_a_claim_three_and_a_listing_one_each(secrets, cloud, connection, another):
    store = secrets.open()
    cloud.clear_calls()
    store.save(connection)
    store.save(dataclasses.replace(connection, description="new"))
    assert cloud.calls() == {
        "secretsmanager.CreateSecret": 2,  # with the claims, the first time
        "secretsmanager.GetSecretValue": 1,
        "secretsmanager.PutSecretValue": 1,
        "secretsmanager.UpdateSecretVersionStage": 1,
    }
    cloud.clear_calls()
    store.save(another)
    assert cloud.calls() == {
        "secretsmanager.CreateSecret": 1,
        "secretsmanager.GetSecretValue": 1,
        "secretsmanager.PutSecretValue": 1,
        "secretsmanager.UpdateSecretVersionStage": 1,
    }
    cloud.clear_calls()
    store.load_all()
    assert cloud.calls() == {"secretsmanager.ListSecrets": 1, "secretsmanager.GetSecretValue": 2}


def test_other_secrets_are_left_alone(secrets, connection):
    secrets.client.create_secret(Name="database", SecretString="x")
    secrets.client.create_secret(Name=f"{DEFAULT_PREFIX}UPPER", SecretString="x")
    secrets.client.create_secret(Name=f"other/{DEFAULT_PREFIX}a", SecretString="x")
    store = secrets.open()
    store.save(connection)
    assert store.names() == ("credit-risk",)
    elsewhere = SecretsStore(secrets.client, "team-b/")
    assert elsewhere.names() == ()
    elsewhere.save(connection)
    assert (elsewhere.names(), store.names()) == (("credit-risk",), ("credit-risk",))


def test_more_connections_than_a_page(secrets, connection):
    for number in range(105):
        secrets.client.create_secret(Name=f"{DEFAULT_PREFIX}c-{number:03}", SecretString="x")
    assert len(secrets.open().names()) == 105


def test_a_removed_secret_can_be_had_back_unless_told_otherwise(secrets, connection):
    store = secrets.open()
    store.save(connection)
    store.remove("credit-risk")
    assert secrets.client.describe_secret(SecretId=f"{DEFAULT_PREFIX}credit-risk")["DeletedDate"]
    for_good = SecretsStore(secrets.client, recovery_days=0)
    for_good.save(connection)
    for_good.remove("credit-risk")
    with pytest.raises(secrets.client.exceptions.ResourceNotFoundException):
        secrets.client.describe_secret(SecretId=f"{DEFAULT_PREFIX}credit-risk")


def test_missing_rights_are_named(secrets, cloud, connection):
    for operation, act in {
        "ListSecrets": lambda store: store.names(),
        "GetSecretValue": lambda store: store.load("credit-risk"),
        "CreateSecret": lambda store: store.save(connection),
    }.items():
        cloud.fault(f"secretsmanager.{operation}", "error", code="AccessDeniedException", status=400, times=1)
        with pytest.raises(ConnectionStoreError, match=f"secretsmanager:{operation} is needed"):
            act(secrets.open())


@pytest.mark.parametrize("code", ["AccessDeniedException", "DecryptionFailure"])
def test_one_secret_that_may_not_be_read_hides_no_other(code, secrets, cloud, connection, another):
    for made in (another, connection):
        secrets.open().save(made)
    cloud.fault("secretsmanager.GetSecretValue", "error", code=code, status=400, times=1)
    loaded = secrets.open().load_all()
    assert (loaded.connections, list(loaded.problems)) == ((connection,), [another.name])
    assert code in loaded.problems[another.name]


@pytest.mark.parametrize(
    ("kind", "code"), [("error", "ExpiredTokenException"), ("http_html_200", ""), ("truncate", "")]
)
def test_what_is_not_about_one_secret_is_not_taken_for_its_problem(kind, code, secrets, cloud, connection):
    secrets.open().save(connection)
    cloud.fault("secretsmanager.GetSecretValue", kind, code=code, status=400, times=1)
    with pytest.raises(ConnectionStoreError):
        secrets.open().load_all()


def test_an_answer_that_was_cut_off_is_not_nothing_there(secrets, cloud, connection):
    secrets.open().save(connection)
    for kind in ("http_html_200", "truncate"):
        cloud.fault("secretsmanager.ListSecrets", kind, times=1)
        with pytest.raises(ConnectionStoreError, match="cut off|readable"):
            secrets.open().names()
        cloud.clear_faults()


def test_the_door_to_both(cloud, tmp_path, connection):
    directory = open_store(StoreSettings(directory=str(tmp_path)))
    assert (isinstance(directory, DirectoryStore), directory.place) == (True, str(tmp_path))
    store = open_store(StoreSettings("secretsmanager", region=REGION, prefix="x/", kms_key_id="alias/own"))
    store.save(connection)
    assert store.place == "Secrets Manager (x/*)"
    found = boto3.Session().client("secretsmanager", region_name=REGION).describe_secret(SecretId="x/credit-risk")
    assert found["KmsKeyId"] == "alias/own"
    with pytest.raises(AwsSessionError, match="region is not set"):
        open_store(StoreSettings("secretsmanager"))
    with pytest.raises(AwsSessionError, match="eu-central-9"):
        open_store(StoreSettings("secretsmanager", region="eu-central-9"))
    with pytest.raises(ConnectionStoreError, match='no store "etcd"'):
        open_store(StoreSettings("etcd"))


def test_no_credentials_is_said_so(cloud, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    with pytest.raises(ConnectionStoreError, match="credentials"):
        open_store(StoreSettings("secretsmanager", region=REGION)).names()


def test_the_secret_holds_the_very_document_of_a_file(secrets, connection, tmp_path):
    secrets.open().save(connection)
    DirectoryStore(tmp_path).save(connection)
    text = secrets.client.get_secret_value(SecretId=f"{DEFAULT_PREFIX}credit-risk")["SecretString"]
    assert json.loads(text) == json.loads((tmp_path / "credit-risk.json").read_text())


# ---- One business entity, one account, and two who want it ----------------------------------------------------------


def rival(connection, name="rival", **changes):
    """A connection of another name and account to the same business entity."""
    return dataclasses.replace(connection, **{"name": name, "account_id": "999999999999", **changes})


def kept_in(secrets):
    """What is kept, by name."""
    return {one.name: one for one in secrets.open().load_all().connections}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, r'business entity "Credit Risk" \(id 4577\) belongs to the connection "credit-risk" already'),
        (
            {"account_id": "111122223333", "business_entity_id": "1"},
            'account 111122223333 belongs to .*"credit-risk"',
        ),
        ({"console": ConsoleEndpoint("https://HOST:443/opgrc/api/v2", "basic", {})}, "business entity"),
    ],
)
def test_who_comes_second_takes_back_what_he_wrote(changes, words, secrets, connection):
    first, second = secrets.open(), secrets.open()
    assert (first.names(), second.names()) == ((), ())
    first.save(connection)
    with pytest.raises(InvalidConnectionError, match=words):
        second.save(rival(connection, **changes))
    assert kept_in(secrets) == {"credit-risk": connection}
    elsewhere = rival(connection, business_entity_id="4579")
    second.save(elsewhere)
    assert kept_in(secrets) == {"credit-risk": connection, "rival": elsewhere}


def test_whose_change_takes_what_another_has_is_as_before(secrets, connection, another):
    secrets.open().save(connection)
    secrets.open().save(another)
    store = secrets.open()
    loaded = store.load(another.name)
    with pytest.raises(InvalidConnectionError, match="credit-risk"):
        store.save(dataclasses.replace(loaded, business_entity_id=connection.business_entity_id, description="new"))
    assert kept_in(secrets) == {connection.name: connection, another.name: another}
    changed = dataclasses.replace(store.load(another.name), description="new")
    store.save(changed)
    assert kept_in(secrets)[another.name] == changed


def test_what_nobody_has_any_more_can_be_taken(secrets, connection):
    store = secrets.open()
    store.save(connection)
    moved = dataclasses.replace(connection, business_entity_id="4600")
    store.save(moved)
    secrets.open().save(rival(connection))
    store.remove(connection.name)
    secrets.open().save(rival(moved, "third", account_id="888888888888"))
    assert sorted(kept_in(secrets)) == ["rival", "third"]


def test_two_consoles_may_use_one_number(secrets, connection):
    secrets.open().save(connection)
    elsewhere = rival(connection, console=dataclasses.replace(connection.console, url="https://elsewhere"))
    secrets.open().save(elsewhere)
    assert sorted(kept_in(secrets)) == ["credit-risk", "rival"]


def save_together(one, start, told):
    """Save in a store of one's own that has seen what there is before anybody writes; an error goes to `told`."""
    store = SecretsStore(boto3.Session().client("secretsmanager", region_name=REGION))
    store.load_all()
    start.wait()
    try:
        store.save(one)
    except ConnectionStoreError as error:
        told[one.name] = str(error)


def test_of_many_at_once_one_stays(secrets, connection):
    """Each thread has seen nobody before it writes; whoever is refused has been told whose it is."""
    for round_number in range(5):
        entity = str(5000 + round_number)
        wanted = [
            rival(
                connection,
                f"r{round_number}-{number}",
                account_id=f"{round_number}{number}" * 6,
                business_entity_id=entity,
            )
            for number in range(3)
        ]
        start, told = threading.Barrier(len(wanted)), {}
        threads = [threading.Thread(target=save_together, args=(one, start, told)) for one in wanted]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        (kept,) = [one for one in kept_in(secrets).values() if one.business_entity_id == entity]
        assert sorted(told) == sorted({one.name for one in wanted} - {kept.name})
        assert all(f'"{kept.name}"' in text for text in told.values()), told


class Interrupted:
    """A client before whose n-th call of a kind, of one secret, somebody else does something."""

    def __init__(self, client, call, ending, act):
        self.client, self.call, self.ending, self.act = client, call, ending, act

    def __getattr__(self, name):
        method = getattr(self.client, name)
        if name != self.call:
            return method

        def called(**request):
            try:
                return method(**request)
            finally:
                if self.act and request["SecretId"].endswith(self.ending):
                    act, self.act = self.act, None
                    act()

        return called


def test_a_claim_of_an_earlier_life_is_no_way_around(secrets, connection):
    """The rival sees that the holder is not there; then it is made again; only then the rival enters its claim."""
    holder = secrets.open()
    holder.save(connection)
    holder.remove(connection.name)

    def is_made_again():
        secrets.open().save(connection)

    slow = SecretsStore(Interrupted(secrets.client, "get_secret_value", "/credit-risk", is_made_again))
    with pytest.raises(InvalidConnectionError, match="credit-risk"):
        slow.save(rival(connection))
    assert kept_in(secrets) == {connection.name: connection}


def test_a_claim_that_was_entered_meanwhile_is_found(secrets, connection):
    """The rival has read the claims, then the other connection is made as a whole."""

    def is_made():
        secrets.open().save(connection)

    slow = SecretsStore(Interrupted(secrets.client, "get_secret_value", "/.claims", is_made))
    with pytest.raises(InvalidConnectionError, match="credit-risk"):
        slow.save(rival(connection))
    assert kept_in(secrets) == {connection.name: connection}


def test_claims_that_somebody_removed_still_count(secrets, connection):
    secrets.open().save(connection)
    secrets.client.delete_secret(SecretId=f"{DEFAULT_PREFIX}.claims", RecoveryWindowInDays=7)
    with pytest.raises(InvalidConnectionError, match="credit-risk"):
        secrets.open().save(rival(connection))


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"claims_version": 1, "holders": {"a": 1}}', '{"claims_version": 2, "holders": {}}']
)
def test_claims_that_cannot_be_read_let_nothing_new_in(text, secrets, connection, another):
    store = secrets.open()
    store.save(connection)
    secrets.client.put_secret_value(SecretId=f"{DEFAULT_PREFIX}.claims", SecretString=text)
    with pytest.raises(BrokenConnectionError, match=r"\.claims cannot be used"):
        secrets.open().save(another)
    store.save(dataclasses.replace(connection, description="new"))
    assert list(kept_in(secrets)) == ["credit-risk"]


def test_a_holder_that_cannot_be_read_may_have_what_it_claimed(secrets, connection):
    secrets.open().save(connection)
    secrets.client.put_secret_value(SecretId=f"{DEFAULT_PREFIX}credit-risk", SecretString='{"schema_version": 99}')
    with pytest.raises(InvalidConnectionError, match="credit-risk"):
        secrets.open().save(rival(connection))


def test_what_could_not_be_taken_back_is_told(secrets, cloud, connection):
    secrets.open().save(connection)
    cloud.fault("secretsmanager.DeleteSecret", "error", code="AccessDeniedException", status=400, times=1)
    with pytest.raises(
        ConnectionStoreError, match="belongs to .*credit-risk.* stands in .*rival all the same.*DeleteSecret"
    ):
        secrets.open().save(rival(connection))


RIGHTS = (
    "ListSecrets",
    "GetSecretValue",
    "CreateSecret",
    "PutSecretValue",
    "UpdateSecretVersionStage",
    "DescribeSecret",
    "DeleteSecret",
    "RestoreSecret",
)


@pytest.fixture
def user_with(cloud):
    """Makes a client of a user who has some rights and no others."""
    iam = boto3.Session().client("iam", region_name=REGION)
    iam.create_user(UserName="runner")
    key = iam.create_access_key(UserName="runner")["AccessKey"]
    client = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"]).client("secretsmanager", region_name=REGION)

    def make(rights):
        actions = [f"secretsmanager:{right}" for right in rights] or ["none:Nothing"]
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
        iam.put_user_policy(UserName="runner", PolicyName="rights", PolicyDocument=json.dumps(document))
        cloud.enforce_iam()
        return client

    return make


def live_a_life(client, connection):
    """Everything that a store does."""
    store = SecretsStore(client)
    store.save(connection)
    store.save(dataclasses.replace(connection, description="new"))
    assert connection.name in store.names()
    assert store.load(connection.name).description == "new"
    assert store.remove(connection.name)
    SecretsStore(client).save(connection)


def test_the_rights_that_the_documentation_names_are_enough_and_each_is_needed(user_with, connection):
    live_a_life(user_with(RIGHTS), connection)
    for number, lacking in enumerate(RIGHTS):
        client = user_with([right for right in RIGHTS if right != lacking])
        with pytest.raises(ConnectionStoreError, match=f"secretsmanager:{lacking} is needed"):
            live_a_life(
                client, rival(connection, f"other-{number}", account_id=f"{number:012}", business_entity_id=lacking)
            )
    for right in RIGHTS:
        assert f"C(secretsmanager:{right})" in ModuleDocFragment.DOCUMENTATION


def test_a_single_secret_is_read_by_name_or_arn_in_its_own_region(cloud, monkeypatch):
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    arns = {
        region: boto3.Session()
        .client("secretsmanager", region_name=region)
        .create_secret(Name="console", SecretString=f"key of {region}")["ARN"]
        for region in ("us-east-1", REGION)
    }
    assert read_secret("console") == "key of us-east-1"
    assert {region: read_secret(arn) for region, arn in arns.items()} == {region: f"key of {region}" for region in arns}


def test_a_single_secret_that_is_no_text_or_not_there_is_said_so(cloud, monkeypatch):
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    boto3.Session().client("secretsmanager", region_name=REGION).create_secret(Name="bytes", SecretBinary=b"\0precious")
    with pytest.raises(ConnectionStoreError, match="bytes holds bytes and no text") as error:
        read_secret("bytes")
    assert "precious" not in str(error.value)
    with pytest.raises(ConnectionStoreError, match="refused to read nothing"):
        read_secret("nothing")
    for odd in ("arn:aws:secretsmanager", "arn:aws:secretsmanager:mars-1:1:secret:x"):
        with pytest.raises((ConnectionStoreError, AwsSessionError)):
            read_secret(odd)


def test_a_revision_is_another_one_whenever_a_connection_was_written(store, kept, connection, another):
    for one in (connection, another):
        store.save(one)
    first = store.revisions()
    assert set(first) == {connection.name, another.name}
    assert kept.open().revisions() == first, "they are the store's, not this process's"
    store.save(dataclasses.replace(connection, description="another text"))
    second = store.revisions()
    assert second[connection.name] != first[connection.name]
    assert second[another.name] == first[another.name]
    store.remove(another.name)
    assert set(store.revisions()) == {connection.name}


def test_all_revisions_cost_one_call(cloud, connection, another):
    store = Secrets().open()
    for one in (connection, another):
        store.save(one)
    cloud.clear_calls()
    store.revisions()
    assert cloud.calls() == {"secretsmanager.ListSecrets": 1}


def test_a_directory_that_is_gone_has_no_revisions(tmp_path):
    with pytest.raises(ConnectionStoreError, match="not there"):
        DirectoryStore(tmp_path / "gone").revisions()
