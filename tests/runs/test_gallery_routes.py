from fastapi.testclient import TestClient


def test_the_gallery_lists_what_can_be_started(client: TestClient) -> None:
    programs = client.get("/api/v1/gallery").json()
    assert [one["name"] for one in programs][:3] == ["celsius", "xor-descent", "xor-adam"]
    assert all(one["title"] and one["summary"] for one in programs)
    assert all(
        client.post("/api/v1/runs/check", json=one["definition"]).json()["ok"] for one in programs if one["available"]
    )


def test_a_program_starts_with_one_click(client: TestClient) -> None:
    answer = client.post("/api/v1/gallery/celsius")
    assert answer.status_code == 201
    run = client.get(answer.headers["location"]).json()
    assert (run["id"], run["name"], run["tags"]) == (answer.json()["id"], "celsius", ["gallery"])


def test_a_program_that_waits_for_its_data_says_what_it_needs(client: TestClient) -> None:
    answer = client.post("/api/v1/gallery/heart-raw")
    assert answer.status_code == 409
    assert "heart.csv" in answer.json()["hint"]


def test_a_program_that_is_not_there_is_not_found(client: TestClient) -> None:
    assert client.post("/api/v1/gallery/nosuch").status_code == 404
