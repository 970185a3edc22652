import GatewayModel
import Testing

@Suite struct TableNameTests {
  @Test(arguments: [
    ("orders", "orders"), ("Orders", "orders"), ("Public.Orders", "public.orders"),
    ("\"Orders\"", "\"Orders\""), ("\"orders\"", "orders"), ("a.\"b.c\".d", "a.\"b.c\".d"),
    ("\"say \"\"x\"\"\"", "\"say \"\"x\"\"\""), ("größe", "größe"), ("\"1a\"", "\"1a\""),
    ("ÄB", "Äb"),
  ])
  func namesHaveOneForm(text: String, form: String) {
    #expect(TableName(text: text)?.description == form)
  }

  @Test(arguments: ["", ".", "a.", ".a", "a..b", "\"", "\"\"", "\"a", "\"a\"b", "a b", "a.b.c.d"])
  func whatIsNoNameIsRefused(text: String) {
    #expect(TableName(text: text) == nil)
  }

  @Test func theBareNameHasNoSchema() {
    #expect(TableName(text: "app.\"Orders\"")?.bare.description == "\"Orders\"")
  }
}
