RSpec.describe Shop do
  it "adds" do
    expect(Shop.total([1, 2])).to eq 3
  end

  describe "prices" do
    it "take a discount" do
      expect(Shop.total([100], 10)).to eq 95
    end

    it "have tax" do
      skip "no tax yet"
    end

    it "have cents" do
      pending "cents are not there"
      expect(Shop.total([1], 50)).to eq 0.5
    end
  end

  describe "stock" do
    before { raise "the warehouse is closed" }

    it("is there") {}
  end
end
