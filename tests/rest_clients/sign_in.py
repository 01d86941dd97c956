"""What a Python program does with the generated client: sign_in.py CLIENT_FOLDER ORIGIN"""

import json
import sys
import types

sys.path.insert(0, sys.argv[1])
# A package of a dozen lines that Debian does not have.
sys.modules["nulltype"] = types.SimpleNamespace(Null=None)

import watchword_client as watchword  # noqa: E402
from watchword_client.api.auth_api import AuthApi  # noqa: E402
from watchword_client.api.auth_sessions_api import AuthSessionsApi  # noqa: E402
from watchword_client.models import (  # noqa: E402
    LoginInput,
    NewPassword,
    Password,
    RefreshInput,
    RegisterInput,
    Username,
)

text = "correct horse battery"
configuration = watchword.Configuration(host=sys.argv[2])
client = watchword.ApiClient(configuration)
auth = AuthApi(client)


def show_refusal(call):
    try:
        call()
    except watchword.ApiException as refusal:
        print("refused", refusal.status, json.loads(refusal.body)["reason"])


registered = auth.auth_register(RegisterInput(username=Username("ada"), password=NewPassword(text)))
print("registered", registered.user.username)

wrong = LoginInput(identifier="ada", password=Password("wrong horse battery"))
show_refusal(lambda: auth.auth_login(wrong))

signed_in = auth.auth_login(LoginInput(identifier="ada", password=Password(text)))
print("signed in", signed_in.user.username)

configuration.access_token = signed_in.tokens.access_token
me = auth.auth_me()
print("me is", me.user.username, "by", *me.session.amr)
print("sessions", len(AuthSessionsApi(client).auth_sessions_list()))

held = RefreshInput(refresh_token=signed_in.tokens.refresh_token)
tokens = auth.auth_refresh(refresh_input=held)
print("refreshed to generation", tokens.generation)

configuration.access_token = tokens.access_token
# Read here, because the generator takes the one value of `ok` for the text "true".
print("signed out", json.loads(auth.auth_logout(_preload_content=False).data)["ok"])
show_refusal(auth.auth_me)
