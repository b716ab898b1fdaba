import express from "express";
import session from "express-session";
import { RedisStore } from "connect-redis";
import { createClient } from "redis";

const { PORT = 3000, REDIS_URL = "redis://127.0.0.1:6379", SESSION_SECRET, SESSION_SECONDS = 1800 } = process.env;
// Not set, the cookie lasts as long as the browser.
const { COOKIE_SECONDS } = process.env;

const app = express();
const client = await createClient({ url: REDIS_URL }).connect();

// region session
app.use(
  session({
    store: new RedisStore({ client, ttl: Number(SESSION_SECONDS) }),
    secret: SESSION_SECRET,
    resave: false,
    saveUninitialized: false,
    cookie: { httpOnly: true, sameSite: "lax", maxAge: COOKIE_SECONDS ? COOKIE_SECONDS * 1000 : null },
  }),
);
// endregion

// region static
app.use("/swampdragon", express.static("node_modules/swampdragon/dist"));
// endregion
app.use(express.urlencoded());

app.get("/", (request, response) => {
  response.sendFile(request.session.name ? "page.html" : "login.html", { root: import.meta.dirname });
});

app.get("/in-place", (request, response) => {
  response.sendFile("in-place.html", { root: import.meta.dirname });
});

// An app of your own asks for a password here.
app.post("/login", (request, response, next) => {
  request.session.regenerate((error) => {
    if (error) return next(error);
    request.session.name = request.body.name;
    response.redirect(303, "/");
  });
});

app.post("/draft", (request, response, next) => {
  if (!request.session.name) return response.redirect(303, "/");
  request.session.draft = request.body.draft;
  request.session.save((error) => (error ? next(error) : response.redirect(303, "/")));
});

app.post("/logout", (request, response, next) => {
  request.session.destroy((error) => (error ? next(error) : response.redirect(303, "/")));
});

app.listen(PORT, "127.0.0.1");
