-- What goes to market-data:updates of a symbol. `ticker`: its snapshot; `quote`: its newest quote, false where there is none.
-- Of two bids and asks those with the later event time in ms, of the same time the quote's: core.fanout.shown_quote.
-- Nil for a ticker of another shape, as another release may have left one.
local function price_update(ticker, quote)
  local match = string.match
  local before, bid, ask, behind = match(ticker, '^(.-"bid":)([^,]*),"ask":([^,]*)(.*)$')
  local symbol, source = match(ticker, '"symbol":"([^"]*)"'), match(ticker, '"exchange":(".*")}$')
  local own_ms = tonumber(match(ticker, '"timestamp":(%d+)'))
  if not (before and symbol and source and own_ms) then return nil end
  if quote then
    local is_later = bid ~= 'null' and ask ~= 'null' and own_ms > tonumber(match(quote, '"quoteTimestamp":(%d+)'))
    if not is_later then bid, ask = match(quote, '"bid":([^,]*),"ask":([^,]*)') end
  end
  return '{"type":"price_update","symbol":"' .. symbol .. '","data":' .. before .. bid .. ',"ask":' .. ask .. behind
    .. ',"source":' .. source .. '}'
end

