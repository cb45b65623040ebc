global.shop = require("./shop");
