import Crypto

/// The answer to AuthenticationMD5Password.
package enum MD5Password {
  /// `md5` + hex(md5(hex(md5(password ‖ user)) ‖ salt)), as bytes for ``FrontendMessage``'s
  /// PasswordMessage.
  package static func answer(
    user: String, password: some Sequence<UInt8>, salt: [UInt8]
  ) -> [UInt8] {
    let inner = hex(Insecure.MD5.hash(data: Array(password) + Array(user.utf8)))
    return Array("md5".utf8) + hex(Insecure.MD5.hash(data: inner + salt))
  }

  private static func hex(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    let digits = Array("0123456789abcdef".utf8)
    return bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
  }
}
