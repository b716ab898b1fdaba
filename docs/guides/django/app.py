from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST


@require_GET
def index(request):
    return render(request, "page.html" if "name" in request.session else "login.html")


# An app of your own calls django.contrib.auth.login here.
@require_POST
def login(request):
    request.session.cycle_key()
    request.session["name"] = request.POST["name"]
    return redirect("/")


# And django.contrib.auth.logout here, which does the same.
@require_POST
def logout(request):
    request.session.flush()
    return redirect("/")


urlpatterns = [path("", index), path("login", login), path("logout", logout)]
