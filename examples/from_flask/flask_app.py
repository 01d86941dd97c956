import os
from datetime import timedelta

from flask import Flask, jsonify, request
from flask_jwt_extended import (
    JWTManager, create_access_token, create_refresh_token, get_jwt, get_jwt_identity, jwt_required)
from werkzeug.security import check_password_hash, generate_password_hash

# 1. Set up: one secret signs every token. Whoever has it is everybody.
app = Flask(__name__)
app.config["JWT_SECRET_KEY"] = os.environ["JWT_SECRET_KEY"]
app.config["JWT_ACCESS_TOKEN_EXPIRES"] = timedelta(minutes=10)
jwt = JWTManager(app)
users = {}
denylist = set()


# 2. Register.
@app.post("/register")
def register():
    username, password = request.json["username"], request.json["password"]
    if username in users:
        return jsonify(msg="This name is taken"), 409
    users[username] = generate_password_hash(password)
    return jsonify(msg="Registered"), 201


# 3. Log in: the token is fresh.
@app.post("/login")
def login():
    username, password = request.json["username"], request.json["password"]
    if username not in users or not check_password_hash(users[username], password):
        return jsonify(msg="Wrong name or password"), 401
    return jsonify(
        access_token=create_access_token(username, fresh=True),
        refresh_token=create_refresh_token(username))


# 4. Protect.
@app.get("/protected")
@jwt_required()
def protected():
    return jsonify(logged_in_as=get_jwt_identity())


# 5. Refresh: with the same refresh token, for as long as it lives.
@app.post("/token/refresh")
@jwt_required(refresh=True)
def refresh():
    return jsonify(access_token=create_access_token(get_jwt_identity(), fresh=False))


# 6. Ask for a fresh sign-in.
@app.post("/payout")
@jwt_required(fresh=True)
def payout():
    return jsonify(paid=True)


# 7. Log out: the one token that was sent is on the denylist, until the process ends.
@jwt.token_in_blocklist_loader
def is_denied(_header, payload):
    return payload["jti"] in denylist


@app.post("/logout")
@jwt_required()
def logout():
    denylist.add(get_jwt()["jti"])
    return jsonify(msg="Logged out")


# 8. Run.
app.run(port=int(os.environ.get("PORT", "5000")))
