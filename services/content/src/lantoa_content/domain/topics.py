"""What items are about: the eight topics of the plan's communication (Kế hoạch 75/KH-UBND, section III.1)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic by its code, with its name in both languages."""

    code: str
    name: str
    name_en: str


TOPICS = (
    Topic("concepts", "Khái niệm và lợi ích của chuyển đổi số", "Concepts and benefits of digital transformation"),
    Topic("duties", "Trách nhiệm của người đứng đầu và các cơ quan", "Duties of leaders and bodies"),
    Topic("legal", "Văn bản của Trung ương và của tỉnh", "National and provincial legal documents"),
    Topic("stories", "Mô hình hay, cách làm tốt, gương điển hình", "Success stories and model people"),
    Topic("programmes", "Chương trình chuyển đổi số của tỉnh", "The province's programmes"),
    Topic("applications", "Ứng dụng dùng chung: y tế, nông nghiệp, dân cư, quản lý ngành", "Shared applications"),
    Topic(
        "skills",
        "Kỹ năng số cơ bản: mua sắm, thanh toán, dịch vụ công trực tuyến",
        "Basic online skills: shopping, payment, public services",
    ),
    Topic("security", "An toàn, an ninh thông tin trên môi trường mạng", "Information safety and security"),
)
TOPIC_CODES = frozenset(topic.code for topic in TOPICS)
