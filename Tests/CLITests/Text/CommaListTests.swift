import Testing

@testable import sallyport

@Test func commaListTakesBothForms() {
  #expect(CommaList.items(["a, b", "c,,a ", ""]) == ["a", "b", "c"])
  #expect(CommaList.items(["data team"]) == ["data team"])
}
