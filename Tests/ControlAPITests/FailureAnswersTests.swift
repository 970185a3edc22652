import ControlCore
import HTTPTypes
import Hummingbird
import NIOCore
import Testing

@testable import ControlAPI

@Suite struct FailureAnswersTests {
  @Test(arguments: [
    (ControlError.Code.notFound, 404), (.invalid, 400), (.conflict, 409), (.unauthorized, 401),
    (.forbidden, 403), (.unavailable, 503), (.internal, 500),
  ])
  func `each code has its status`(code: ControlError.Code, status: Int) {
    #expect(FailureAnswers.status(of: code).code == status)
  }

  @Test(arguments: [
    ("Bearer spt_1", "spt_1"), ("bearer  spt_1", "spt_1"), ("Basic YTpi", nil), ("spt_1", nil),
    ("Bearer", nil), ("", nil),
  ])
  func `only a bearer token is one`(header: String, token: String?) {
    let request = Request(
      head: HTTPRequest(
        method: .get, scheme: "https", authority: "h", path: "/",
        headerFields: [.authorization: header]),
      body: .init(buffer: ByteBuffer()))
    #expect(APIRoutes.bearer(of: request) == token)
  }

  @Test func `a party is an IPv4 address or half of an IPv6 one`() throws {
    let four = ClientAddress(try SocketAddress(ipAddress: "192.0.2.7", port: 1))
    #expect(four.text == "192.0.2.7" && four.party == "192.0.2.7")
    let six = ["2001:db8:1:2::1", "2001:db8:1:2:ffff::9"].map {
      ClientAddress(try? SocketAddress(ipAddress: $0, port: 1))
    }
    #expect(six[0].party == six[1].party && six[0].text != six[1].text)
    let other = ClientAddress(try SocketAddress(ipAddress: "2001:db8:1:3::1", port: 1))
    #expect(other.party != six[0].party)
    #expect(ClientAddress(nil).party == "unknown")
  }
}
