"""From a file to its verdict, in a real browser, against a real service with the real model."""

from __future__ import annotations

import json
import re
import shutil
from hashlib import sha256
from typing import Any

import numpy as np
import pytest
import requests
from playwright.sync_api import Page, expect

from backend.config import ROOT
from tests.generators import face_frames, numbered_frames, write_picture, write_video
from tests.hostile.files import motion_jpeg, photograph
from tests.web.conftest import opened
from tests.web.service import running_site
from tests.web.steps import button, drawing, heat_pixels, is_verdict, judged, post

NOTE_STAGES = """
    window.stages = [];
    new MutationObserver(() => {
        const words = document.querySelector(".progress__words")?.textContent.replaceAll("\\u00a0", " ");
        if (words && words !== window.stages.at(-1)) window.stages.push(words);
    }).observe(document, { subtree: true, childList: true, characterData: true });
"""


def test_a_video_gets_a_verdict_in_words_with_its_reason_and_its_limits(page, files):
    answer = judged(page, files / "two.mp4")
    details = answer["details"]
    verdict = page.locator(".verdict")
    expect(verdict.get_by_role("heading", level=3)).to_have_text(details["headline"])
    expect(verdict).to_contain_text(details["reason"])
    expect(verdict).to_contain_text(f"Evidence: {details['strength']}")
    expect(verdict.locator(".verdict__confidence")).to_contain_text(f"{round(100 * answer['confidence'])} %")
    expect(verdict).to_contain_text("A verdict is evidence, not proof.")
    supposed = round(100 * details["model"]["prior"]["face_video"])
    expect(verdict).to_contain_text(f"supposing that {supposed} % of such files are fake")
    wrong = details["model"]["meaning"]["real_called_fake"]
    expect(verdict).to_contain_text(f"{round(100 * wrong['value'])} % (")
    expect(verdict).to_contain_text(f"measured on {wrong['files']} real videos")
    expect(verdict).to_contain_text("Where 1 file in 100 is fake, a “Fake” is right in")
    for part in details["coverage"]["not_examined"]:
        expect(verdict).to_contain_text(part)
    for sentence in answer["anomalies"]:
        expect(page.locator(".anomalies")).to_contain_text(sentence)
    rates = [facts["false_alarm_rate"] for facts in details["anomalies"] if facts["false_alarm_rate"] is not None]
    for rate in rates:
        expect(page.locator(".anomalies")).to_contain_text(f"also told of {100 * rate:.1f} % of genuine videos")
    assert len(answer["anomalies"]) >= 2 and rates


def test_before_the_first_file_it_is_told_what_to_expect(page, files):
    told = page.get_by_role("region", name="What you will be told")
    expect(told).to_contain_text("its frames after 60 minutes or when you say so")
    post(page, files / "face.jpg")
    expect(told).to_have_count(0)


def test_upload_and_analysis_show_their_progress(page, tmp_path):
    long = write_video(tmp_path / "long.mp4", face_frames(300, 1080, 1920), rate=1)
    page.evaluate(NOTE_STAGES)
    answer = judged(page, long)
    stages = page.evaluate("window.stages")
    assert [stage for stage in stages if re.match(r"Sending: .* of .* [kM]B", stage)]
    examined = [int(match[1]) for stage in stages if (match := re.match(r"Examining: (\d+) of \d+ instants", stage))]
    assert len(set(examined)) > 1
    assert examined == sorted(examined)
    assert examined[-1] <= answer["details"]["coverage"]["instants_examined"]


def test_a_picture_is_judged_and_shown_without_a_chart(page, files):
    answer = judged(page, files / "face.jpg")
    expect(page.locator(".verdict")).to_contain_text("real pictures")
    expect(page.get_by_role("heading", name="Picture")).to_be_visible()
    expect(page.locator(".chart")).to_have_count(0)
    assert answer["details"]["verdict"] == "real"
    expect(page.locator(".verdict")).to_contain_text("does not show that it is real")


def test_without_a_face_it_is_inconclusive_and_says_why(page, tmp_path):
    judged(page, write_picture(tmp_path / "grey.png", numbered_frames(1, 240, 320)[0]))
    verdict = page.locator(".verdict")
    expect(verdict).to_contain_text("Inconclusive")
    expect(verdict).to_contain_text("No face was found")
    expect(verdict).to_contain_text("not enough to rely on")
    expect(verdict).to_contain_text("faces, since none was found")
    expect(page.locator(".frame__words")).to_have_text("No face was found.")
    expect(page.get_by_role("checkbox", name="Heat map")).to_have_count(0)
    drawn = drawing(page, "boxes")
    opaque = drawn[drawn[..., 3] == 255][:, :3].astype(int)
    assert len(opaque) and np.ptp(opaque, axis=-1).max() < 10  # grey: in the colour of neither label


def test_the_heat_map_can_be_switched_off_and_on(page, files):
    judged(page, files / "two.mp4")
    heat = page.get_by_role("checkbox", name="Heat map")
    with_heat = heat_pixels(drawing(page, "boxes and heat"))
    heat.uncheck()
    without = heat_pixels(drawing(page, "boxes"))
    expect(page.locator(".legend")).to_have_count(0)
    heat.check()
    assert with_heat > 1000
    assert without < 0.1 * with_heat
    assert heat_pixels(drawing(page, "boxes and heat")) == with_heat


def test_heat_lies_only_where_logits_are_above_the_threshold(page, files):
    details = judged(page, files / "two.mp4")["details"]
    threshold = details["model"]["threshold"]
    place = page.get_by_role("slider").get_attribute("aria-valuenow")
    faces = details["frames"][int(place) - 1]["faces"]
    counts = {face["track"]: sum(logit > threshold for row in face["logit_map"] for logit in row) for face in faces}
    assert min(counts.values()) == 0
    assert max(counts.values()) > 40
    for track, count in counts.items():
        expect(page.locator(".frame__words")).to_contain_text(f"face {track} scores")
        expect(page.locator(".frame__words")).to_contain_text(f"({count} of 49 areas towards fake)")
    drawn = drawing(page)
    for face in faces:
        x, y, width, height = (length * drawn.shape[1] / details["media"]["width"] for length in face["region"])
        opacity = drawn[round(y + height / 2), round(x + width / 2), 3]
        assert (opacity > 0) == (counts[face["track"]] > 0)


def test_boxes_are_drawn_where_the_faces_are_in_a_picture_larger_than_what_is_shown(page, tmp_path):
    details = judged(page, write_picture(tmp_path / "large.jpg", face_frames(1, 1440, 1920)[0]))["details"]
    expect(page.locator(".frame img")).to_have_js_property("naturalWidth", 960)
    assert_boxes_lie_on_faces(page, details, 1920)


def test_where_a_videos_size_changes_boxes_are_drawn_where_the_faces_are(page, tmp_path):
    growing = tmp_path / "growing.avi"
    growing.write_bytes(motion_jpeg("growing.avi", [photograph(320, 240)] * 15 + [photograph(640, 480)] * 15))
    details = judged(page, growing)["details"]
    page.get_by_role("slider", name="Examined instant").press("End")
    expect(page.locator(".frame img")).to_have_js_property("naturalWidth", 640)
    assert_boxes_lie_on_faces(page, details, 640)


def assert_boxes_lie_on_faces(page: Page, details: dict[str, Any], source_width: int) -> None:
    """Whether the last frame's box is drawn at its place in a frame of so many pixels."""
    expect(page.locator(".frame canvas")).not_to_have_js_property("width", 0)
    drawn = drawing(page)
    (face,) = details["frames"][-1]["faces"]
    x, y, width, height = (length * drawn.shape[1] / source_width for length in face["box"])
    for edge in (x, x + width):
        assert drawn[round(y + height / 2), int(edge), 3] > 200  # wholly under a line of two pixels; no heat is as full


def test_a_click_on_the_chart_selects_the_frame_of_that_instant(page, files):
    details = judged(page, files / "two.mp4")["details"]
    over = page.locator(".chart .u-over")
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    for share in (0.005, 0.995):  # the first instants lie close to each other
        over.click(position={"x": share * box["width"], "y": box["height"] / 2})
        place = 0 if share < 0.5 else len(details["frames"]) - 1
        expect(page.get_by_role("radio").nth(place)).to_be_checked()
        url = details["frames"][place]["plain_url"]
        expect(page.locator(".frame img")).to_have_attribute("src", re.compile(re.escape(url)))


def test_arrow_keys_on_the_chart_and_on_the_frames_go_from_instant_to_instant(page, files):
    details = judged(page, files / "two.mp4")["details"]
    last = len(details["frames"])
    slider = page.get_by_role("slider", name="Examined instant")
    slider.press("Home")
    expect(slider).to_have_attribute("aria-valuenow", "1")
    slider.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuenow", "2")
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"face 1 \d+.% fake, face 2 \d+.% fake"))
    slider.press("End")
    slider.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuenow", str(last))
    page.get_by_role("radio").nth(last - 1).press("ArrowLeft")
    expect(slider).to_have_attribute("aria-valuenow", str(last - 1))


def test_two_uploads_in_a_row_each_get_their_own_verdict(page, files):
    first = judged(page, files / "two.mp4")
    with page.expect_response(is_verdict) as second:
        post(page, files / "face.jpg")
    expect(page.get_by_role("heading", name="face.jpg")).to_be_visible()
    expect(page.locator(".verdict h3")).to_have_text(second.value.json()["details"]["headline"])
    assert first["details"]["id"] != second.value.json()["details"]["id"]
    page.get_by_role("button", name="Show two.mp4").click()
    expect(page.locator(".verdict h3")).to_have_text(first["details"]["headline"])


def test_the_same_file_can_be_sent_again(page, files):
    first = judged(page, files / "face.jpg")
    second = judged(page, files / "face.jpg")
    assert first["details"]["sha256"] == second["details"]["sha256"]
    assert first["details"]["id"] != second["details"]["id"]
    expect(page.locator("tbody tr")).to_have_count(2)


def test_several_files_are_a_table_of_results(page, files, tmp_path):
    grey = write_picture(tmp_path / "grey.png", numbered_frames(1, 240, 320)[0])
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video at all")
    post(page, files / "two.mp4", grey, broken, files / "face.jpg")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(4)
    expect(page.get_by_role("status").filter(has_text="files done")).to_have_text("4 of 4 files done")
    expect(rows.nth(0)).to_contain_text("evidence of manipulation")
    expect(rows.nth(0)).to_contain_text("%")
    expect(rows.nth(1)).to_contain_text("Inconclusive")
    expect(rows.nth(2).locator('[data-verdict="failed"]')).to_be_visible()
    expect(rows.nth(3)).to_contain_text("No evidence of manipulation found")
    rows.nth(3).get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", name="face.jpg")).to_be_visible()
    rows.nth(3).get_by_role("button", name="Remove").click()
    expect(rows).to_have_count(3)
    expect(page.get_by_role("heading", name="two.mp4")).to_be_visible()


@pytest.mark.parametrize(
    "hand_over",
    [
        'document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }))',
        'document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }))',
    ],
    ids=["dropped", "pasted"],
)
def test_a_file_can_be_dropped_and_pasted(page, files, hand_over):
    expect(page.locator(".drop")).to_be_visible()
    picture = list((files / "face.jpg").read_bytes())
    page.evaluate(
        f"""bytes => {{
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], "handed.jpg", {{ type: "image/jpeg" }}));
            {hand_over};
        }}""",
        picture,
    )
    expect(page.get_by_role("heading", name="handed.jpg")).to_be_visible()
    expect(page.locator(".verdict")).to_be_visible()


def test_files_can_be_deleted_before_their_time(page, site, files):
    answer = judged(page, files / "two.mp4")
    frame = site.server.url + answer["details"]["frames"][0]["plain_url"]
    assert requests.get(frame, timeout=10).status_code == 200
    button(page, "Delete files now").click()
    expect(page.locator(".keeping")).to_contain_text("All files of this analysis are deleted")
    assert requests.get(frame, timeout=10).status_code == 404
    expect(page.locator(".frame")).to_have_count(0)
    expect(page.locator(".verdict")).to_be_visible()
    expect(button(page, "Delete files now")).to_have_count(0)


def test_a_frame_that_has_been_purged_is_told_as_such(page, site, files):
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if "/predict" in request.url else None)
    post(page, files / "face.jpg", files / "two.mp4")
    expect(page.locator("tbody tr").nth(1)).to_contain_text("evidence of manipulation")
    for url in sent:
        identity = url.split("id=")[1]
        assert requests.delete(f"{site.server.url}/analyses/{identity}", timeout=10).status_code == 200
    button(page, "Show two.mp4").click()
    expect(page.locator(".frame__gone")).to_contain_text("no longer there")


def test_the_time_of_the_purge_is_told(page, files):
    answer = judged(page, files / "face.jpg")
    told = page.evaluate(
        'time => new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" }).format(new Date(time))',
        answer["details"]["expires_at"],
    )
    expect(page.locator(".keeping")).to_contain_text(f"purged after {told}")


def test_a_report_outlives_the_service(page, context, site, files, tmp_path):
    answer = judged(page, files / "two.mp4")
    with page.expect_download() as waited:
        button(page, "Download report").click()
    assert waited.value.suggested_filename == "two.mp4.report.html"
    report = tmp_path / "report.html"
    waited.value.save_as(report)
    button(page, "Delete files now").click()
    expect(page.locator(".keeping")).to_contain_text("All files of this analysis are deleted")

    requested: list[str] = []
    reader = context.new_page()
    reader.on("request", lambda request: requested.append(request.url))
    reader.goto(report.as_uri())
    assert {url.split(":")[0] for url in requested} <= {"file", "data"}
    body = reader.locator("body")
    details, model = answer["details"], answer["details"]["model"]
    upload = sha256((files / "two.mp4").read_bytes()).hexdigest()
    expect(body).to_contain_text(f"{upload} (the same)")
    for text in (details["headline"], details["reason"], details["id"], model["version"], model["sha256"]):
        expect(body).to_contain_text(text)
    for name in ("Crop margin", "Detector threshold", "Precision", "Instants asked for"):
        expect(body).to_contain_text(name)
    pictures = reader.locator("img").evaluate_all(
        "all => Promise.all(all.map(one => one.decode().then(() => one.naturalWidth)))"
    )
    assert len(pictures) == 2 * len(details["frames"])
    assert set(pictures) == {details["media"]["width"]}
    assert json.loads(reader.locator("pre").text_content()) == answer


def test_a_report_can_be_had_after_the_purge_and_says_what_is_missing(page, files, tmp_path):
    answer = judged(page, files / "face.jpg")
    button(page, "Delete files now").click()
    with page.expect_download() as waited:
        button(page, "Download report").click()
    waited.value.save_as(tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert answer["details"]["sha256"] in text
    assert "This frame was gone when the report was written." in text


def test_a_foreign_model_is_told_as_unmeasured(chromium, context, files, tmp_path):
    shutil.copy(ROOT / "temp_model.h5", tmp_path / "foreign.h5")  # without its manifest nothing is known of it
    with running_site(tmp_path / "site", DETECTOR_MODEL_PATH=str(tmp_path / "foreign.h5")) as site:
        site.server.wait_for("/readyz", 200)
        page: Page = opened(context, site)
        judged(page, files / "two.mp4")
        expect(page.locator(".verdict")).to_contain_text("Nobody has measured it")
        expect(page.locator(".verdict")).to_contain_text("Inconclusive")
        expect(page.get_by_role("checkbox", name="Heat map")).to_have_count(0)
        drawing(page, "boxes")
