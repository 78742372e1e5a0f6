"""Where dj-stripe's webhooks arrive, as its documentation wires it."""

from django.urls import include, path

urlpatterns = [path("stripe/", include("djstripe.urls", namespace="djstripe"))]
