import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lantoa_content.domain.reading import read_aloud

YEAR_2025 = "năm hai nghìn không trăm hai mươi lăm"

GOLDEN = [
    # document numbers
    ("75/KH-UBND", "kế hoạch số bảy mươi lăm của Ủy ban nhân dân"),
    ("49/2024/NĐ-CP", "nghị định số bốn mươi chín năm hai nghìn không trăm hai mươi tư của Chính phủ"),
    ("QĐ 749/QĐ-TTg", "quyết định số bảy trăm bốn mươi chín của Thủ tướng Chính phủ"),
    (
        "Thông tư 39/2020/TT-BTTTT",
        "Thông tư số ba mươi chín năm hai nghìn không trăm hai mươi của Bộ Thông tin và Truyền thông",
    ),
    ("TT 39/2020", "thông tư số ba mươi chín năm hai nghìn không trăm hai mươi"),
    ("Nghị quyết số 12/NQ-HĐND", "Nghị quyết số mười hai của Hội đồng nhân dân"),
    ("Số: 75/KH-UBND", "kế hoạch số bảy mươi lăm của Ủy ban nhân dân"),
    ("công văn 1234/UBND-KGVX", "công văn số một nghìn hai trăm ba mươi tư của Ủy ban nhân dân"),
    ("Luật An ninh mạng số 91/2025/QH15", f"Luật An ninh mạng số chín mươi mốt {YEAR_2025} của Quốc hội khóa mười lăm"),
    (
        "Kế hoạch số 75/KH-UBND ngày 25/8/2022 của UBND tỉnh Trà Vinh",
        (
            "Kế hoạch số bảy mươi lăm ngày hai mươi lăm tháng tám năm hai nghìn không trăm hai mươi hai "
            "của Ủy ban nhân dân tỉnh Trà Vinh"
        ),
    ),
    # abbreviations
    ("HĐND, UBND và MTTQ xã", "Hội đồng nhân dân, Ủy ban nhân dân và Mặt trận Tổ quốc xã"),
    ("Sở TT&TT, tổ CNTT-VT", "Sở thông tin và truyền thông, tổ công nghệ thông tin, viễn thông"),
    ("nộp DVCTT bằng VNeID", "nộp dịch vụ công trực tuyến bằng vi en e ai đi"),
    ("quét mã QR, dùng Wi-Fi", "quét mã quy a, dùng oai phai"),
    ("BCH xã, BCH Quân sự xã", "Ban Chấp hành xã, Ban Chỉ huy Quân sự xã"),
    ("QL60, TP. Trà Vinh, TP.HCM", "quốc lộ sáu mươi, thành phố Trà Vinh, thành phố Hồ Chí Minh"),
    ("giấy KTX", "giấy ca tê ích"),
    ("THÔNG BÁO CỦA UBND XÃ", "thông báo của Ủy ban nhân dân xã"),
    # dates
    ("10-10-2025", f"ngày mười tháng mười {YEAR_2025}"),
    ("ngày 05/4/2025", f"ngày năm tháng tư {YEAR_2025}"),
    ("từ ngày 10-15/10/2025", f"từ ngày mười đến ngày mười lăm tháng mười {YEAR_2025}"),
    ("sáng 5/11 - 7/11", "sáng ngày năm tháng mười một đến ngày bảy tháng mười một"),
    ("dịp 30/4 và 1/5", "dịp ngày ba mươi tháng tư và ngày một tháng năm"),
    ("ngày 5 tháng 4", "ngày năm tháng tư"),
    ("tháng 10/2025", f"tháng mười {YEAR_2025}"),
    ("giai đoạn 2021-2025", f"giai đoạn hai nghìn không trăm hai mươi mốt đến {YEAR_2025.removeprefix('năm ')}"),
    # fractions are not dates
    ("3/4 số hộ", "ba trên bốn số hộ"),
    ("111/111 xã", "một trăm mười một trên một trăm mười một xã"),
    # times
    ("7h30", "bảy giờ ba mươi phút"),
    ("05:00, 08 giờ 00, 19g30", "năm giờ, tám giờ, mười chín giờ ba mươi phút"),
    ("7h30-9h", "bảy giờ ba mươi phút đến chín giờ"),
    ("7h30 ngày 10-10-2025", f"bảy giờ ba mươi phút ngày mười tháng mười {YEAR_2025}"),
    # telephones
    ("0294.3855.123", "không hai chín bốn ba tám năm năm một hai ba"),
    ("0912 345 678", "không chín một hai ba bốn năm sáu bảy tám"),
    ("gọi 114", "gọi một một bốn"),
    # numbers
    ("1.250.000 đồng", "một triệu hai trăm năm mươi nghìn đồng"),
    ("7,6%", "bảy phẩy sáu phần trăm"),
    ("31–32 %", "ba mươi mốt đến ba mươi hai phần trăm"),
    ("05 tập thể", "năm tập thể"),
    ("mưa 200mm trên 12 km2", "mưa hai trăm mi li mét trên mười hai ki lô mét vuông"),
    ("50.000đ/người", "năm mươi nghìn đồng trên người"),
    # Roman numerals
    ("II. Nhiệm vụ", "hai. Nhiệm vụ"),
    ("quý IV, khóa XV, lần thứ I", "quý tư, khóa mười lăm, lần thứ nhất"),
    ("thứ 4, thứ 2", "thứ tư, thứ hai"),
    # addresses
    ("https://dichvucong.gov.vn/", "dichvucong chấm gov chấm vn"),
    ("xa1@vinhlong.gov.vn.", "xa một a còng vinhlong chấm gov chấm vn."),
]


@pytest.mark.parametrize(("written", "said"), GOLDEN)
def test_government_text_is_read_as_an_announcer_reads_it(written, said):
    assert read_aloud(written) == said


def test_the_officers_dictionary_goes_before_every_rule():
    assert read_aloud("UBND thu 5 HTX.", {"UBND": "ủy ban", "HTX": "hợp tác xã kiểu mới 2"}) == (
        "ủy ban thu năm hợp tác xã kiểu mới hai."
    )


def test_the_officers_dictionary_replaces_whole_words_only():
    assert read_aloud("Ba Tri, Ba", {"Ba": "má"}) == "má Tri, má"
    assert read_aloud("Bana", {"Ba": "má"}) == "Bana"


def test_decomposed_text_reads_like_composed_text():
    text = "Nghị định 49/2024/NĐ-CP: Hội đồng họp 7h30"
    assert read_aloud(unicodedata.normalize("NFD", text)) == read_aloud(text)


def test_lines_stay_lines():
    assert read_aloud("Thông báo\n- Sáng 5/11\n- Chiều 6/11").split("\n") == [
        "Thông báo",
        "Sáng ngày năm tháng mười một",
        "Chiều ngày sáu tháng mười một",
    ]


def test_plain_words_are_left_as_they_are():
    text = "Kính mời bà con đến dự lễ Ok Om Bok, vui tươi và an toàn."
    assert read_aloud(text) == text


_PIECES = st.sampled_from([written for written, _ in GOLDEN] + ["-", "/", ".", ",", " ", "\n", "số", "ngày", "0", "99"])


@given(st.one_of(st.text(max_size=80), st.lists(_PIECES, max_size=8).map("".join)))
def test_whatever_is_written_no_digit_is_left_to_the_engine(text):
    assert not any(sign.isdecimal() for sign in read_aloud(text))
