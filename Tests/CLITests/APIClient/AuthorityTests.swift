import Testing

@testable import sallyport

/// Certificates made with `openssl req -x509`; nothing here looks at their dates.
struct AuthorityTests {
  private static let certificate = """
    -----BEGIN CERTIFICATE-----
    MIIBeTCCAR+gAwIBAgIUeavz+hjn+Rs/uQh4RSyIAX3sodswCgYIKoZIzj0EAwIw
    EjEQMA4GA1UEAwwHVGVzdCBDQTAeFw0yNjExMjEwOTM0MDlaFw0yNjExMjMwOTM0
    MDlaMBIxEDAOBgNVBAMMB1Rlc3QgQ0EwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
    AARQYHLZWR3tq5Rnpz4ksUucNKm4Pa23+zEwUe7MucpuQXbZhlbjAIdKYNme5s9r
    uhyBBVEZFNm9ZLEkcOeYAVtmo1MwUTAdBgNVHQ4EFgQUWq8u1whZ4HJcxOzjryM2
    UT+UQxYwHwYDVR0jBBgwFoAUWq8u1whZ4HJcxOzjryM2UT+UQxYwDwYDVR0TAQH/
    BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEAmKwaqYkRLz3oFDvaNElK0dDePYv9
    MKKS5vE3ke6BIz8CIGFJz4kYyIkEVFTDQyxscv+YOlLN2X3LxcwHuDbWFIyV
    -----END CERTIFICATE-----
    """
  private static let other = """
    -----BEGIN CERTIFICATE-----
    MIIBezCCASGgAwIBAgIUFM/M6FbQ8QCWgjPH2y2XoOEgMWcwCgYIKoZIzj0EAwIw
    EzERMA8GA1UEAwwIT3RoZXIgQ0EwHhcNMjYxMTIxMDk1MDA1WhcNMjYxMTIzMDk1
    MDA1WjATMREwDwYDVQQDDAhPdGhlciBDQTBZMBMGByqGSM49AgEGCCqGSM49AwEH
    A0IABMQ9UJmOyevlVBj+SBTSJ6Z8AjJc95qWTW6EQvpNKfE8ZwGeYoIVv6yzX+8p
    NS6iSJOnaXhzksOgC3hycuv93G2jUzBRMB0GA1UdDgQWBBTahSsFn1D5r5y4Z0aI
    tb5v0FPXpzAfBgNVHSMEGDAWgBTahSsFn1D5r5y4Z0aItb5v0FPXpzAPBgNVHRMB
    Af8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIDM4D17kDzoi56fI79UQxJaULoEJ
    SKvwxwea9W540IK3AiEAuoZ/cN9zGwGXna9I/+JNZjfxbpuwxX3DS2F5bbTyejc=
    -----END CERTIFICATE-----
    """
  /// `openssl x509 -outform der | sha256sum`
  private static let fingerprint =
    "sha256:d2f2ca26d0ac4405f1387fdc2f48fb99c12492e409f3162886e4f2c99894acbf"

  @Test func hasTheFingerprintThatOthersCompute() throws {
    let authority = try Authority(pem: Self.certificate, source: "test")
    #expect(try authority.fingerprints() == [Self.fingerprint])
    try authority.require(fingerprint: try #require(Fingerprint(Self.fingerprint)))
  }

  @Test func anotherAuthorityIsRefused() throws {
    let authority = try Authority(pem: Self.other, source: "test")
    let failure = #expect(throws: CLIFailure.self) {
      try authority.require(fingerprint: try #require(Fingerprint(Self.fingerprint)))
    }
    #expect(failure?.status == .unavailable)
    #expect(failure?.message.contains(Self.fingerprint) == true)
  }

  /// One certificate too many would be trusted beside the one that was compared.
  @Test func theRightOneInCompanyIsRefused() throws {
    for pem in [Self.certificate + "\n" + Self.other, Self.other + "\n" + Self.certificate] {
      let authority = try Authority(pem: pem, source: "test")
      #expect(throws: CLIFailure.self) {
        try authority.require(fingerprint: try #require(Fingerprint(Self.fingerprint)))
      }
    }
  }

  @Test(arguments: [
    "", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
  ])
  func whatIsNoCertificateIsRefused(pem: String) {
    let failure = #expect(throws: CLIFailure.self) { try Authority(pem: pem, source: "the file") }
    #expect(failure?.status == .configuration)
  }
}
