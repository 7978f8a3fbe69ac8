/** A refusal as the services word it (RFC 9457). */
export class Refused extends Error {
  constructor(status, code, title, detail, errors = []) {
    super(code);
    this.status = status;
    this.body = { type: `urn:lantoa:${code}`, title, status, detail, code, retryable: false, trace_id: '4bf92f3577b34da6a3ce929d0e0e4736', errors };
  }

  static missing() {
    throw new Refused(404, 'not_found', 'Không tìm thấy', 'Mục này không có hoặc bạn không được xem.');
  }
}
