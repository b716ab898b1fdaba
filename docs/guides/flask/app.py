import os
from datetime import timedelta

from flask import Flask, redirect, render_template, request, session
from flask_session import Session
from redis import Redis

app = Flask(__name__)

# region session
app.config.update(
    SESSION_TYPE="redis",
    SESSION_REDIS=Redis.from_url(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")),
    PERMANENT_SESSION_LIFETIME=timedelta(seconds=int(os.environ.get("SESSION_SECONDS", 1800))),
    SESSION_PERMANENT=False,
    SESSION_COOKIE_SAMESITE="Lax",
)
Session(app)
# endregion


@app.get("/")
def index():
    return render_template("page.html" if "name" in session else "login.html")


# An app of your own asks for a password here.
@app.post("/login")
def login():
    app.session_interface.regenerate(session)
    session["name"] = request.form["name"]
    return redirect("/")


@app.post("/logout")
def logout():
    session.clear()
    return redirect("/")
