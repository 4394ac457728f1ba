"""What tokens cost."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.kernel.config import Price
from services.kernel.openai.usage import Tokens

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class PriceList:
    """Prices by model and the won that a dollar costs. A model without a price is counted at the dearest one."""

    prices: Mapping[str, Price]
    won_per_dollar: float

    def won(self, model: str, tokens: Tokens) -> float:
        price = self.prices.get(model) or self._dearest()
        dollars = (
            (tokens.input - tokens.cached) * price.input + tokens.cached * price.cached + tokens.output * price.output
        ) / MILLION
        return dollars * self.won_per_dollar

    def _dearest(self) -> Price:
        return max(self.prices.values(), key=lambda price: price.output)
