"""Signing in and out: passwords, cookies, forged requests, too many attempts."""


def test_sign_in_leads_to_the_desk(world):
    browser = world.browser()
    cookie = browser.client.get_cookie("press2_desk", path="/desk")
    assert cookie.http_only and cookie.same_site == "Strict"
    page = browser.get("")
    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"
    assert ("olena", "sign_in", True) in world.audit()
